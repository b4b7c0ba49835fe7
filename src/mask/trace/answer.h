// SPDX-License-Identifier: LGPL-2.1-or-later
/// Answers a CPUID instruction in the registers of a stopped task.
#pragma once

#include "mask/trace/task.h"

#include <sys/user.h>

/// Puts the answer for the leaf `leaf` and the subleaf in rcx into `regs`, and lets the task go on
/// at `next`. False where the task is gone.
bool answer_cpuid(struct tracer *tracer, const struct task *task, struct user_regs_struct *regs,
                  uint32_t leaf, uint64_t next);
