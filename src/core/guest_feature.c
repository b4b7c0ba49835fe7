// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest_feature.h"

#include <glib.h>
#include <string.h>

static const struct guest_feature table[] = {
#define GUEST_FEATURE(name, cause, since, amd) {name, GUEST_##cause, since, amd},
#include "core/tables/guest.def"
#undef GUEST_FEATURE
};

static const char *const causes[] = {[GUEST_SOCKET] = "topology",
                                     [GUEST_PMU] = "pmu",
                                     [GUEST_CPU_PM] = "cpu-pm",
                                     [GUEST_MODEL] = "model"};

const char *guest_cause_to_string(enum guest_cause cause)
{
    return causes[cause];
}

const struct guest_feature *guest_list_features(size_t *ret_count)
{
    *ret_count = G_N_ELEMENTS(table);
    return table;
}

const struct guest_feature *guest_find_feature(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}
