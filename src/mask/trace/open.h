// SPDX-License-Identifier: LGPL-2.1-or-later
/// Who opens /proc/cpuinfo gets the one that follows the definition.
#pragma once

#include "mask/trace/task.h"

enum resume open_begin(struct tracer *tracer, struct task *task);
void open_end(struct tracer *tracer, struct task *task, uint64_t result);
