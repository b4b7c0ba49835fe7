// SPDX-License-Identifier: LGPL-2.1-or-later
/// System calls by which the kernel writes into the program's memory. In a page under watch that
/// has been executed they would fail, since it is not writable then: they stop there, and the page
/// is made writable before. A filter that knows where such memory is lets all others pass.
#pragma once

#include "mask/trace/task.h"

/// Before a page at `addr`, of watched memory, stops being writable.
void fill_prepare(struct tracer *tracer, const struct task *task, uint64_t addr);

/// Before the program gets a filter of its own, which calls in its name might not please: watched
/// memory gets what was asked for, a part at a time. True if the task's call has become one that
/// does so; at its end it is made again.
bool fill_release(struct task *task);
void fill_release_end(struct tracer *tracer, struct task *task, uint64_t result);

/// At a call that fills memory which may be such, and at its end.
enum resume fill_begin(struct tracer *tracer, struct task *task);
void fill_end(struct tracer *tracer, struct task *task, uint64_t result);
