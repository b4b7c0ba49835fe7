// SPDX-License-Identifier: LGPL-2.1-or-later
/// The signals that our traps and watched memory make.
#pragma once

#include "mask/trace/task.h"

/// Before a signal is delivered. Returns the signal to deliver, 0 for none.
int fault_resolve(struct tracer *tracer, struct task *task, int signal);
