// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/state.h"

#include <glib.h>
#include <string.h>

static const struct {
    uint32_t leaf, subleaf;
    unsigned reg;
    uint32_t bits;
    const char *vendor, *why;
} states[] = {
#define PROBE_STATE(leaf, subleaf, reg, bits, vendor, why) {leaf, subleaf, reg, bits, vendor, why},
#include "probe/state.def"
};

const char *state_find(uint32_t leaf, uint32_t subleaf, unsigned reg, uint32_t bits,
                       const char *vendor)
{
    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        if (states[i].leaf == leaf && states[i].subleaf == subleaf && states[i].reg == reg &&
            (bits & ~states[i].bits) == 0 &&
            (states[i].vendor == NULL || strcmp(states[i].vendor, vendor) == 0)) {
            return states[i].why;
        }
    }
    return NULL;
}
