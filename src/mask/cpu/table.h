// SPDX-License-Identifier: LGPL-2.1-or-later
/// The answers: what CPUID says on the CPU of a definition, made from what the real CPU says.
#pragma once

#include "core/catalog.h"
#include "mask/cpu/host.h"

struct mask_signature {
    const char *name;
    unsigned family, model, stepping;
    uint32_t level, xlevel; ///< highest basic and extended leaf
    const char *vendor;     ///< CPUID string
    const char *model_id;   ///< as in leaves 0x80000002 to 0x80000004
};

/// What a program is to see. Strings are borrowed.
struct mask_definition {
    bool is_host;                           ///< hide nothing
    feature_set features;                   ///< ignored with is_host
    const struct mask_signature *signature; ///< NULL: the real CPU's
    const char *vendor;                     ///< CPUID string to show, NULL: the real CPU's
    unsigned phys_bits;                     ///< to show, 0: the real CPU's
};

/// What QEMU shows of the model of this name, NULL where it is not known.
const struct mask_signature *mask_signature_find(const char *model);

struct mask_table;

/// `read` is asked again and again while the table lives; `map` only now.
struct mask_table *mask_table_new(const struct mask_definition *definition, const catalog *map,
                                  mask_cpuid_fn read, void *data);
void mask_table_free(struct mask_table *table);

/// What a CPUID instruction executed on CPU number `cpu` is to answer.
struct mask_regs mask_table_get(const struct mask_table *table, uint32_t leaf, uint32_t subleaf,
                                int cpu);

/// The features of the definition whose instructions programs would use and this machine lacks.
feature_set mask_find_lacking(const struct mask_definition *definition, const catalog *map,
                              mask_cpuid_fn read, void *data);
