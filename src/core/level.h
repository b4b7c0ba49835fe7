// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which hosts keep a pool from a level of the x86-64 psABI.
#pragma once

#include "core/select.h"

/// "v1" to "v4"; NULL-terminated.
extern const char *const level_names[];

/// A pool as far as levels go.
struct level_pool {
    const catalog *map;
    const struct policy *policy;
    const char *vendor; ///< as policy_find_reason has it
    feature_set not_migratable;
    const feature_set **kinds; ///< what each kind of hosts gives
    size_t count;
};

/// The smallest set of kinds without which the rest reaches the level: each of them lacks what it
/// needs, so none can stay. False where no leaving reaches it: every host lacks something, or
/// policy leaves out what it needs. `ret_leaves` has a place for each kind, and is filled either
/// way.
bool level_find_leavers(const struct level_pool *pool, unsigned level, bool *ret_leaves);

/// "v2", "x86-64-v3" … as a number; 0: none.
unsigned level_from_string(const char *text);
