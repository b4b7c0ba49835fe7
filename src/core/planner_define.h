// SPDX-License-Identifier: LGPL-2.1-or-later
/// From features to a definition: the named model, and a line for every feature.
#pragma once

#include "core/cpu.h"
#include "core/pool.h"

/// The definition of these features on this named model. The caller's.
cpulift_cpu *planner_define(const cpulift_pool *pool, const struct catalog_model *model,
                            const feature_set *features);

/// The libvirt that takes <maxphysaddr> first.
#define PLANNER_WIDTH_SINCE "8.7"

/// True if this version of libvirt takes it; NULL is not known.
bool planner_takes_width(const char *version);

/// What QEMU adds to or takes from every named model of a virt type, whatever the model says.
void planner_get_virt_changes(const catalog *map, const char *virt, feature_set *ret_adds,
                              feature_set *ret_drops);
