// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whether a host still gives what a plan needs.
#pragma once

#include "core/host.h"
#include "core/plan.h"
#include "fleet/cell.h"

/// Judges a guest of the plan, of one CPU, as the matrix judges guests (fleet_judge). *ret_cell is
/// the caller's. CPULIFT_EINPUT: the plan's definition is none that a guest could have.
int fleet_drift_find(const cpulift_plan *plan, const cpulift_host *host, const catalog *map,
                     fleet_cell **ret_cell, cpulift_error **err);

/// In what two scans of a host differ, for the guests that the plan means, in one line; NULL: in
/// nothing that a guest or an operator sees. The caller's.
char *fleet_drift_describe(const cpulift_host *before, const cpulift_host *now,
                           const cpulift_plan *plan, const catalog *map);
