// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a running guest's CPU is beside the plan's.
#pragma once

#include "core/plan.h"
#include "fleet/guest.h"

/// Document schema cpulift.verdict/1, an item of "guests".
struct fleet_verdict {
    char *name, *host;
    char *verdict;           ///< "tuned", "stale", "foreign", "own" or "unknown"
    char *why;               ///< beyond the lists; NULL: nothing
    char **missing, **extra; ///< features: what a power cycle would gain, what is beyond the plan
};

extern const struct record fleet_verdict_record;

/// Why the plan is none for this guest; NULL: it is. The caller's.
char *fleet_verdict_find_owner(const fleet_guest *guest, const cpulift_plan *plan);

/// Holds the guest against the plan. What is found is the same for all guests of its kind that the
/// plan means. The caller's.
struct fleet_verdict *fleet_verdict_find(const fleet_guest *guest, const cpulift_plan *plan,
                                         const catalog *map);

/// The same of another guest of the kind. The caller's.
struct fleet_verdict *fleet_verdict_copy(const struct fleet_verdict *verdict,
                                         const fleet_guest *guest);
