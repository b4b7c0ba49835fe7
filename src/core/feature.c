// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/feature.h"

#include <string.h>

feature_set feature_set_intersect(feature_set a, feature_set b)
{
    for (size_t i = 0; i < FEATURE_WORDS; i++) {
        a.words[i] &= b.words[i];
    }
    return a;
}

feature_set feature_set_unite(feature_set a, feature_set b)
{
    for (size_t i = 0; i < FEATURE_WORDS; i++) {
        a.words[i] |= b.words[i];
    }
    return a;
}

feature_set feature_set_subtract(feature_set a, feature_set b)
{
    for (size_t i = 0; i < FEATURE_WORDS; i++) {
        a.words[i] &= ~b.words[i];
    }
    return a;
}

bool feature_set_is_subset(const feature_set *a, const feature_set *b)
{
    feature_set rest = feature_set_subtract(*a, *b);
    return feature_set_is_empty(&rest);
}

bool feature_set_is_empty(const feature_set *set)
{
    return feature_set_next(set, 0) == FEATURE_MAX;
}

bool feature_set_equal(const feature_set *a, const feature_set *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

size_t feature_set_count(const feature_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < FEATURE_WORDS; i++) {
        count += (size_t)__builtin_popcountll(set->words[i]);
    }
    return count;
}

size_t feature_set_next(const feature_set *set, size_t from)
{
    for (size_t i = from / 64; i < FEATURE_WORDS; i++) {
        uint64_t word = set->words[i];
        if (i == from / 64) {
            word &= ~UINT64_C(0) << (from % 64);
        }
        if (word != 0) {
            return i * 64 + (size_t)__builtin_ctzll(word);
        }
    }
    return FEATURE_MAX;
}
