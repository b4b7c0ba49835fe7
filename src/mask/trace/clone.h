// SPDX-License-Identifier: LGPL-2.1-or-later
/// Calls that make threads and processes.
#pragma once

#include "mask/trace/task.h"

/// The flags of the call that made a new task, in which `parent` stands: what the two share
/// (clone(2)).
uint64_t clone_read_flags(const struct task *parent);

/// At a call that makes a task, and at its end. A program may ask that the new one is not traced
/// (CLONE_UNTRACED); without a tracer the traps would kill it and the calls that stop would fail.
/// The kernel is not told of that wish.
enum resume clone_begin(struct tracer *tracer, struct task *task);
void clone_end(struct tracer *tracer, struct task *task, uint64_t result);
