// SPDX-License-Identifier: LGPL-2.1-or-later
/// What happens when a traced thread stops.
#pragma once

#include "mask/tracer.h"

/// How the thread goes on.
enum resume {
    RESUME_FREELY,
    RESUME_TO_CALL_END, ///< stops again at the end of the system call
};

/// At a call that the filter names.
enum resume stop_at_call(struct tracer *tracer, struct task *task);

/// At the end of a call for which RESUME_TO_CALL_END was asked.
void stop_at_call_end(struct tracer *tracer, struct task *task);

/// In a new program, before its first instruction.
enum resume stop_at_exec(struct tracer *tracer, struct task *task);

/// Before a signal is delivered. Returns the signal to deliver, 0 for none.
int stop_at_signal(struct tracer *tracer, struct task *task, int signal);
