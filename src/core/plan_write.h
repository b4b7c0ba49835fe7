// SPDX-License-Identifier: LGPL-2.1-or-later
/// The plan's document: what it holds, what it lost and to whom, and what an operator should know.
#pragma once

#include "core/cpu.h"
#include "core/pool.h"
#include "core/select.h"

/// What every plan's document says, of whatever variant.
struct plan_heading {
    const char *pool;    ///< its name
    const char *variant; ///< "tuned", or a name of core/variant.h
    const char *virt, *machine;
};

/// The members that every plan has. The caller's.
json_t *plan_write_common(const catalog *map, const struct plan_heading *heading,
                          const cpulift_cpu *cpu, const feature_set *features);

/// The whole document of a pool's plan. The caller's.
json_t *plan_write(const cpulift_pool *pool, const char *name, const struct policy *policy,
                   const struct selection *selection, const cpulift_cpu *cpu);
