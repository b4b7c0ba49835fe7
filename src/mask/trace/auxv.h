// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the kernel tells a new program of the CPU beside CPUID: AT_HWCAP, AT_HWCAP2, AT_PLATFORM.
#pragma once

#include "mask/trace/task.h"

/// Changes them on the stack of a task that is about to start a program.
void auxv_adjust(struct tracer *tracer, const struct task *task, uint64_t stack);
