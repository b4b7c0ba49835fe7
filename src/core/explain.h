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

/// What the plan would gain without the host of this name; -1 if no host is called so.
int explain_compute_gain(const explain *explain, const char *host, feature_set *ret_gain);

/// What a new host would cost the plan. An error if the host has no guests of the plan's kind.
int explain_compute_cost(const explain *explain, const cpulift_plan *plan, const cpulift_host *host,
                         feature_set *ret_cost, cpulift_error **err);
