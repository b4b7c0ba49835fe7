// SPDX-License-Identifier: LGPL-2.1-or-later
/// --require-level: a plan that reaches a level of the x86-64 psABI, or who keeps it from that.
#pragma once

#include "core/pool.h"
#include "core/select.h"

/// CPULIFT_EREFUSED where the selection does not reach the level (0: none is asked for). The
/// message names the hosts in the way, what they lack, and whether it is reached without them.
int plan_check_level(const cpulift_pool *pool, const struct policy *policy,
                     const struct selection *selection, unsigned level, cpulift_error **err);
