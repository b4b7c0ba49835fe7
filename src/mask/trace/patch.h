// SPDX-License-Identifier: LGPL-2.1-or-later
/// Replaces the CPUID instructions in executable memory of a stopped task.
#pragma once

#include "mask/trace/memory.h"
#include "mask/trace/task.h"

/// False where the kernel makes CPUID fault, so that nothing needs to be replaced.
bool patch_is_needed(const struct tracer *tracer, const struct task *task);

/// In a new program: everything that is executable.
void patch_program(struct tracer *tracer, struct task *task);

/// In [start, start + length), which maps `image` from `offset` on.
void patch_image(struct tracer *tracer, struct task *task, struct image *image, uint64_t start,
                 uint64_t length, uint64_t offset);

/// In [start, end), whatever is mapped there.
void patch_range(struct tracer *tracer, struct task *task, uint64_t start, uint64_t end);

/// In one page of code made at run time, in which an instruction begins at `entry`.
void patch_page(struct tracer *tracer, struct task *task, uint64_t page, uint64_t entry);

/// Says, once for the whole program, what follows from a process that cannot be looked into, and
/// why.
void patch_report_closed(const struct tracer *tracer, const struct task *task);

/// The analysis of the file behind the task's descriptor, NULL where it is no ELF file.
struct image *patch_get_image(struct tracer *tracer, const struct task *task, int fd);
