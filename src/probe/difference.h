// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where two readings of CPUs differ: of one vCPU at two times, or of two vCPUs of a guest.
#pragma once

#include "probe/transcript.h"

/// Appends a struct proof_difference to `differences` for every register, XCR0, MSR and result of
/// an instruction set that differs, but for bits that state.def excuses. Two vCPUs of one guest
/// (`is_other`) differ in what own.def lists besides. `prefix` stands before what differs.
void difference_find(const probe_vcpu *before, const probe_vcpu *after, bool is_other,
                     const char *prefix, GPtrArray *differences);

/// The same for each vCPU of two records of one guest.
void difference_find_all(const transcript *before, const transcript *after, GPtrArray *differences);
