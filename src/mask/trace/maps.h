// SPDX-License-Identifier: LGPL-2.1-or-later
/// The calls that map memory: what becomes executable is searched, or watched; what goes is
/// forgotten.
#pragma once

#include "mask/trace/task.h"

enum resume maps_map(struct tracer *tracer, struct task *task);
void maps_map_end(struct tracer *tracer, struct task *task, uint64_t result);

enum resume maps_unmap(struct tracer *tracer, struct task *task);

enum resume maps_protect(struct tracer *tracer, struct task *task);
void maps_protect_end(struct tracer *tracer, struct task *task, uint64_t result);

enum resume maps_remap(struct tracer *tracer, struct task *task);
void maps_remap_end(struct tracer *tracer, struct task *task, uint64_t result);
