// SPDX-License-Identifier: LGPL-2.1-or-later
/// Starts a program that sees the CPU of a definition.
#pragma once

#include "base/error.h"
#include "mask/tracer.h"

struct run_options {
    struct tracer_options tracer;
    const char *cpuinfo; ///< what programs are to read as /proc/cpuinfo, NULL: the real one
};

/// True if this kernel can make CPUID fault.
bool run_has_faulting(void);

/// Puts the calling process under a tracer: what it executes next sees the CPU of the table. It
/// stays what its parent started (same pid, same parent, same terminal); the tracer is a process of
/// its own in a session of its own, which ends with it and all its descendants.
int run_trace(const struct mask_table *table, const struct run_options *options,
              cpulift_error **err);
