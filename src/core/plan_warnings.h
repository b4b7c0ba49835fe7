// SPDX-License-Identifier: LGPL-2.1-or-later
/// What an operator should know of a plan before it is applied.
#pragma once

#include "core/cpu.h"
#include "core/mitigation.h"
#include "core/model_choice.h"

/// So many hosts are named with a loss or a warning; the document's kinds name the rest.
#define PLAN_HOSTS_MAX 100

/// The warnings, as the plan's document holds them. `lost` and `hazards` are those of
/// core/mitigation.h. The caller's.
json_t *plan_format_warnings(const cpulift_pool *pool, const cpulift_cpu *cpu,
                             const GPtrArray *lost, const GPtrArray *hazards);

/// Adds that guests of several logical CPUs per socket do not migrate between these kinds, whose
/// QEMU is older than GUEST_QEMU_BREAK, and the others.
void plan_warn_qemu(json_t *warnings, const cpulift_pool *pool, const GArray *older);

/// Adds that nothing boots with these features, where they do not even reach x86-64-v1.
void plan_warn_poor(json_t *warnings, const catalog *map, const feature_set *features);

/// Adds what the kinds of the pool suffer from and guests of this model, with these features, would
/// not know of.
void plan_warn_hidden(json_t *warnings, const cpulift_pool *pool, const struct model_verdict *taken,
                      const feature_set *features);
