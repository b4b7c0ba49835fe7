// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/level.h"

#include <string.h>

/// Marks the kinds that lack something of `needed`; *ret_common is what the others share. False
/// where none is left.
static bool mark_leavers(const struct level_pool *pool, const feature_set *needed, bool *leaves,
                         feature_set *ret_common)
{
    bool is_any_left = false;
    for (size_t k = 0; k < pool->count; k++) {
        leaves[k] = !feature_set_is_subset(needed, pool->kinds[k]);
        if (!leaves[k]) {
            *ret_common =
                is_any_left ? feature_set_intersect(*ret_common, *pool->kinds[k]) : *pool->kinds[k];
            is_any_left = true;
        }
    }
    return is_any_left;
}

bool level_find_leavers(const struct level_pool *pool, unsigned level, bool *ret_leaves)
{
    feature_set needed = catalog_get_level(pool->map, level), common = {0};
    while (mark_leavers(pool, &needed, ret_leaves, &common)) {
        struct selection selection = {0};
        select_features(pool->map, pool->policy, pool->vendor, common, pool->not_migratable,
                        &selection);
        feature_set missing = feature_set_subtract(needed, selection.chosen), more = {0};
        if (feature_set_is_empty(&missing)) {
            return true;
        }
        feature_set_foreach (id, &missing) {
            if (selection.reasons[id] != POLICY_DEPENDENCY) {
                return false; // policy leaves it out, whoever leaves
            }
            feature_set_add(&more, (size_t)selection.needs[id]);
        }
        if (feature_set_is_subset(&more, &needed)) {
            return false;
        }
        needed = feature_set_unite(needed, more);
    }
    return false;
}

const char *const level_names[] = {"v1", "v2", "v3", "v4", NULL};

unsigned level_from_string(const char *text)
{
    const char *name = g_str_has_prefix(text, "x86-64-") ? text + strlen("x86-64-") : text;
    for (unsigned i = 0; level_names[i] != NULL; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            return i + 1;
        }
    }
    return 0;
}
