// SPDX-License-Identifier: LGPL-2.1-or-later
/// The tracer: follows a program with all its threads and children, and answers its CPUID.
#pragma once

#include "mask/trace/task.h"

/// Follows `root`, which must already be traced (PTRACE_SEIZE with TRACER_OPTIONS), until it and
/// all its descendants have ended.
void tracer_run(struct tracer *tracer);

struct tracer *tracer_new(const struct mask_table *table, const struct tracer_options *options,
                          pid_t root);
void tracer_free(struct tracer *tracer);

/// The ptrace options that tracer_run relies on.
extern const unsigned long tracer_ptrace_options;
