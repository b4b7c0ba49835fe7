// SPDX-License-Identifier: LGPL-2.1-or-later
/// What live migration did to the CPU that a guest sees: nothing, or which registers changed.
#pragma once

#include "probe/proof.h"

struct proof_hop {
    char *from, *to;
    gint64 downtime_ms; ///< negative: not known
    bool is_proved;     ///< the guest sees the plan's CPU there, and nothing changed
    GArray *changed;    ///< struct proof_difference: before the first hop, and after this one
    GPtrArray *reasons; ///< why the answer is no, other than `changed`
    unsigned executed;  ///< instruction sets that ran there
};

/// Judges the hops of `run` by the record before the first of them and by the plan, and adds them
/// to `result`, which is proof_compute()'s of the same run. `is_binding`: cpu_is_binding() of the
/// definition that was started. Errors as proof_compute()'s.
int hops_compute(const catalog *map, const cpulift_plan *plan, const probe_run *run,
                 bool is_binding, proof *result, cpulift_error **err);

/// Appends a struct proof_difference to `changed` for every register, XCR0, MSR and result of an
/// instruction set that differs, but for bits that state.def excuses.
void hops_compare_records(const transcript *before, const transcript *after, GArray *changed);

/// The hops of a proof document. The caller's.
json_t *hops_to_json(const GPtrArray *hops);

/// For people: lines are appended to `out`.
void hops_print(const GPtrArray *hops, GString *out);
