// SPDX-License-Identifier: LGPL-2.1-or-later
/// Starts a program that sees the CPU of a definition.
#pragma once

#include "base/error.h"
#include "mask/trace/task.h"

/// What CPUID is replaced by in 64-bit programs.
enum run_trap {
    RUN_TRAP_AUTO, ///< nothing where the kernel makes CPUID fault, else the better one
    RUN_TRAP_INT80,
    RUN_TRAP_UD2,
};

struct run_options {
    struct tracer_options tracer;
    enum run_trap trap;
    const char *cpuinfo; ///< what programs are to read as /proc/cpuinfo, NULL: the real one
};

/// True if this kernel can make CPUID fault.
bool run_has_faulting(void);

/// Puts the calling process under a tracer: what it executes next sees the CPU of the table. It
/// stays what its parent started (same pid, same parent, same terminal); the tracer is a process of
/// its own in a session of its own, which ends with it and all its descendants. After an error it
/// may be traced already.
int run_trace(const struct mask_table *table, const struct run_options *options,
              cpulift_error **err);
