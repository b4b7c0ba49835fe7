// SPDX-License-Identifier: LGPL-2.1-or-later
/// What live migration did to the CPU that a guest sees: nothing, or which registers changed.
#pragma once

#include "probe/proof.h"

/// Judges the hops of `run` by the record before the first of them and by the plan, and adds them
/// to `result`, which is proof_compute()'s of the same run. `is_binding`: cpu_is_binding() of the
/// definition that was started. Errors as proof_compute()'s.
int hops_compute(const catalog *map, const cpulift_plan *plan, const probe_run *run,
                 bool is_binding, proof *result, cpulift_error **err);

/// For people: lines are appended to `out`.
void hops_print(const GPtrArray *hops, GString *out);
