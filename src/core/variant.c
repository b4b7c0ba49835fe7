// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/variant.h"

#include <string.h>

static const struct variant variants[] = {
#define VARIANT(name, word, model, features, meaning) {name, word, model, features, meaning},
#include "core/tables/variants.def"
#undef VARIANT
};

const struct variant *variant_get_all(size_t *ret_count)
{
    *ret_count = G_N_ELEMENTS(variants);
    return variants;
}

const struct variant *variant_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(variants); i++) {
        if (strcmp(variants[i].name, name) == 0 || strcmp(variants[i].word, name) == 0) {
            return &variants[i];
        }
    }
    return NULL;
}

cpulift_cpu *variant_define(const struct variant *variant)
{
    cpulift_cpu *cpu = cpu_new();
    cpu->mode = g_strdup("custom");
    cpu->match = g_strdup("exact");
    cpu->model = g_strdup(variant->model);
    cpu->fallback = g_strdup("allow");
    g_auto(GStrv) features = g_strsplit(variant->features, " ", -1);
    for (char **f = features; *f != NULL; f++) {
        cpu_add_feature(cpu, *f + 1, **f == '?' ? CPU_OPTIONAL : CPU_DISABLE);
    }
    return cpu;
}
