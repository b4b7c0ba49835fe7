// SPDX-License-Identifier: LGPL-2.1-or-later
/// The start of a new program.
#pragma once

#include "mask/trace/task.h"

/// In a new program, before its first instruction.
enum resume program_begin(struct tracer *tracer, struct task *task);

/// At the end of its execve, where program_begin asked for that (FILTER_EXEC).
void program_end(struct tracer *tracer, struct task *task, uint64_t result);
