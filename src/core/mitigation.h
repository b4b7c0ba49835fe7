// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a pool's guests lose of their protection against CPU vulnerabilities, and what would heal
/// it: one answer for the plan's warnings and for --require-mitigations.
#pragma once

#include "core/pool.h"
#include "core/select.h"

/// Features of which the same is to be said.
struct mitigation_group {
    GPtrArray *names; ///< borrowed
    GArray *kinds;    ///< that do not give them, or for hazards announce them; empty: all give them
    enum policy_reason reason; ///< why they are not planned where all have them, else POLICY_GIVEN
    bool is_hazard;
};

/// The mitigations that some host gives and guests of the plan do not get, whether the catalogue
/// knows their names or not. What KVM makes up, what says again what another feature says
/// (core/tables/doubles.def) and what hangs on such is no loss. Array of struct mitigation_group *,
/// in the order of the names; the caller unrefs.
GPtrArray *mitigation_find_lost(const cpulift_pool *pool, const struct policy *policy,
                                const struct selection *selection);

/// The hazards that some host announces and guests of the plan do not see: on these kinds guests
/// would trust a protection that does not hold there. As mitigation_find_lost.
GPtrArray *mitigation_find_hazards(const cpulift_pool *pool, const struct policy *policy,
                                   const struct selection *selection);

/// "a, b": the names of a group. The caller frees it.
char *mitigation_join_names(const struct mitigation_group *group);

/// What would heal it: "update microcode (2019-05 or newer), …"; or why it is not planned although
/// every host has it. The caller frees it.
char *mitigation_describe_remedy(const cpulift_pool *pool, const struct mitigation_group *group);
