// SPDX-License-Identifier: LGPL-2.1-or-later
/// Reads a plan backwards: what each host costs, what its removal would gain, what a new host would
/// cost.
#pragma once

#include "core/host.h"
#include "core/plan.h"
#include "core/policy.h"

/// The plan as an algebra again: what hosts have in common, and what each kind has beyond that.
typedef struct explain {
    const catalog *map;
    char *vendor; ///< NULL when not known, POLICY_VENDOR_MIXED when mixed
    struct policy policy;
    feature_set features; ///< the plan's
    feature_set common;   ///< before policy
    feature_set not_migratable;
    GPtrArray *kinds; ///< struct explain_kind *
} explain;

struct explain_kind {
    GPtrArray *hosts; ///< names
    feature_set features;
};

/// `map` must outlive the result. Only a tuned plan can be explained.
int explain_new(const cpulift_plan *plan, const catalog *map, explain **ret_explain,
                cpulift_error **err);
void explain_free(explain *explain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(explain, explain_free)

/// The kind of the host of this name; -1 if no host is called so.
int explain_find_kind(const explain *explain, const char *host);

/// What the plan would gain without these kinds (a flag for each).
feature_set explain_compute_gain(const explain *explain, const bool *leaves);

/// The kinds whose leaving gains something, the fewest hosts first: indices. The caller unrefs.
GArray *explain_find_gainers(const explain *explain);

/// The kinds without which the pool reaches this level; as level_find_leavers.
bool explain_find_leavers(const explain *explain, unsigned level, bool *ret_leaves);

/// The features that a host which gives guests this would cost the plan.
feature_set explain_compute_cost(const explain *explain, const struct host_guest *guest);
