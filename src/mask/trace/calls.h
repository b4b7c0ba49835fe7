// SPDX-License-Identifier: LGPL-2.1-or-later
/// The system calls at which a traced thread stops.
#pragma once

#include "mask/trace/task.h"

/// At a call that the filter names.
enum resume calls_begin(struct tracer *tracer, struct task *task);

/// At the end of a call for which RESUME_TO_CALL_END was asked.
void calls_end(struct tracer *tracer, struct task *task);
