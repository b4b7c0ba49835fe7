// SPDX-License-Identifier: LGPL-2.1-or-later
/// Makes plans: the richest definition that every host of a pool can give, and why it is not
/// richer.
#pragma once

#include "core/inventory.h"
#include "core/plan.h"
#include "core/policy.h"

struct planner_options {
    const char *pool; ///< NULL: "default"
    const char
        *virt; ///< "kvm" or "qemu"; NULL: kvm where all hosts have it, or qemu where none has
    const char *machine; ///< NULL: the first of pc and q35 that all hosts have
    struct policy policy;
    unsigned level; ///< of x86-64 that must be reached, or the plan is refused; 0: none
};

/// The plan of the inventory (sorted by inventory_sort). Refusals are CPULIFT_EREFUSED or
/// CPULIFT_EINPUT and name the hosts.
int planner_compute(const inventory *inv, const struct planner_options *options,
                    cpulift_plan **ret_plan, cpulift_error **err);

/// A definition for comparison, by its name or word (core/variant.h), as a plan. An unknown one is
/// CPULIFT_EINPUT.
int planner_compute_variant(const char *variant, const struct planner_options *options,
                            const catalog *map, cpulift_plan **ret_plan, cpulift_error **err);
