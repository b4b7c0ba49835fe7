// SPDX-License-Identifier: LGPL-2.1-or-later
/// From features to a definition: the named model, and a line for every feature.
#pragma once

#include "core/cpu.h"
#include "core/pool.h"

/// The definition of these features, on the named model that states them in the fewest lines and
/// that every host of the pool can use. CPULIFT_EREFUSED where there is none.
int planner_define(const cpulift_pool *pool, const feature_set *features, cpulift_cpu **ret_cpu,
                   cpulift_error **err);

/// The definition of "default" or "paper" (planner_compute_variant). An unknown name is
/// CPULIFT_EINPUT.
int planner_define_variant(const char *variant, cpulift_cpu **ret_cpu, cpulift_error **err);

/// What QEMU adds to or takes from every named model of a virt type, whatever the model says.
void planner_get_virt_changes(const catalog *map, const char *virt, feature_set *ret_adds,
                              feature_set *ret_drops);
