// SPDX-License-Identifier: LGPL-2.1-or-later
/// Inside of table.c and leaf.c: the table's state and the rules for single leaves.
#pragma once

#include "mask/cpu/table.h"

#include <glib.h>

/// The features of the definition in one leaf.
struct feature_word {
    uint32_t leaf, subleaf;
    uint32_t bits[4]; ///< eax, ebx, ecx, edx
};

struct mask_table {
    mask_cpuid_fn read;
    void *data;
    bool is_host; ///< hide nothing
    bool is_amd;  ///< the vendor that is shown is AMD or Hygon
    char vendor[12];
    char brand[49];
    uint32_t version, level, xlevel;
    unsigned phys_bits;
    GArray *words; ///< struct feature_word
};

struct mask_regs mask_table_read_host(const struct mask_table *table, uint32_t leaf,
                                      uint32_t subleaf, int cpu);
