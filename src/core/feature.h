// SPDX-License-Identifier: LGPL-2.1-or-later
/// A set of CPU features: a bitset over the catalogue's ids, copied by value. Ids follow the byte
/// order of the features' names, so that iterating a set gives sorted names.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEATURE_MAX   1024
#define FEATURE_WORDS (FEATURE_MAX / 64)

typedef struct feature_set {
    uint64_t words[FEATURE_WORDS];
} feature_set;

static inline void feature_set_add(feature_set *set, size_t id)
{
    set->words[id / 64] |= UINT64_C(1) << (id % 64);
}

static inline void feature_set_remove(feature_set *set, size_t id)
{
    set->words[id / 64] &= ~(UINT64_C(1) << (id % 64));
}

static inline bool feature_set_has(const feature_set *set, size_t id)
{
    return (set->words[id / 64] >> (id % 64)) & 1;
}

feature_set feature_set_intersect(feature_set a, feature_set b);
feature_set feature_set_unite(feature_set a, feature_set b);

/// The features of `a` that are not in `b`.
feature_set feature_set_subtract(feature_set a, feature_set b);

bool feature_set_is_subset(const feature_set *a, const feature_set *b);
bool feature_set_is_empty(const feature_set *set);
bool feature_set_equal(const feature_set *a, const feature_set *b);
size_t feature_set_count(const feature_set *set);

/// The first id in the set that is at least `from`, or FEATURE_MAX.
size_t feature_set_next(const feature_set *set, size_t from);

#define feature_set_foreach(id, set)                                                               \
    for (size_t id = feature_set_next((set), 0); id < FEATURE_MAX;                                 \
         id = feature_set_next((set), id + 1))
