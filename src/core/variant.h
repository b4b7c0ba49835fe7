// SPDX-License-Identifier: LGPL-2.1-or-later
/// Definitions that are no plan of a pool, for comparison: an untuned platform's, the 2014 paper's
/// before and after (core/tables/variants.def).
#pragma once

#include "core/cpu.h"

/// The names as an option's help shows them: in plans, and to run and bench.
#define VARIANT_NAMES "default|paper|paper-default"
#define VARIANT_WORDS "2014|default|paper"

struct variant {
    const char *name; ///< of a plan: its "variant"
    const char *word; ///< to run and bench, and in samples
    const char *model;
    const char *features; ///< see the table
    const char *meaning;  ///< whose it is, in a few words
};

const struct variant *variant_get_all(size_t *ret_count);

/// The row that has this name or this word; NULL: none.
const struct variant *variant_find(const char *name);

/// As a definition, which does not bind. The caller's.
cpulift_cpu *variant_define(const struct variant *variant);
