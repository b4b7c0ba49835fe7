// SPDX-License-Identifier: LGPL-2.1-or-later
/// What changes for guests where a fleet's hosts or its plan do: held against the fleet as it is.
#pragma once

#include "core/plan.h"
#include "fleet/matrix.h"

/// Hosts by which what a guest can reach differs, its own among them.
struct fleet_reach {
    char **loses, **gains; ///< names, owned
    bool strands;          ///< it could leave its host, and then can leave no host that takes it
};

/// Document schema cpulift.verdict/1, an item of "rehearsal".
struct fleet_change {
    char *name, *host;
    struct fleet_reach reach;      ///< as it runs
    struct fleet_reach *restarted; ///< after a power cycle under the plan; NULL: none is its
    bool needs_restart;            ///< to have the CPU of the plan that is rehearsed
};

extern const struct record fleet_change_record;

/// "strands, but not after a power cycle"; "" where its lists say it all. Of names at most so many.
/// The caller's.
char *fleet_change_describe(const struct fleet_change *change, size_t names_max);

/// All borrowed.
struct fleet_rehearsal {
    const fleet_matrix *before, *after; ///< of the same guests
    const cpulift_plan *plan;           ///< in force afterwards; NULL: none
    const GPtrArray *verdicts;          ///< struct fleet_verdict *, of each guest under it
    const cpulift_plan *old_plan;       ///< in force now; NULL: none
    bool is_other_plan;                 ///< the plan is another than that
};

/// The guests for which something changes (struct fleet_change *), in their order. The caller's.
GPtrArray *fleet_rehearse(const struct fleet_rehearsal *rehearsal);
