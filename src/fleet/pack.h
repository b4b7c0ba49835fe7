// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whether guests find room on hosts, all at once: bin packing in memory and CPUs, where a guest
/// may go to some hosts only. Exact where the search comes to its end.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct pack_bin {
    guint64 memory, cpus; ///< that are free
    size_t kind;
};

struct pack_item {
    guint64 memory, cpus;
    const bool *can; ///< by the bins' kinds; borrowed
};

enum pack_answer {
    PACK_FOUND,
    PACK_GIVEN_UP, ///< before the end: nothing is said
    PACK_IMPOSSIBLE,
};

/// Looks at `budget` places at most beyond those that a first attempt needs. With PACK_FOUND
/// `ret_bins` has each item's bin, and what is free in `bins` is what is left; else both are
/// without meaning.
enum pack_answer pack_find(const struct pack_item *items, size_t count, struct pack_bin *bins,
                           size_t bin_count, size_t budget, size_t *ret_bins);
