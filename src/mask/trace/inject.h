// SPDX-License-Identifier: LGPL-2.1-or-later
/// Lets a stopped task make a system call that its program did not ask for.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// Makes the call by the instruction for it at `syscall_at`: syscall, in 32-bit programs int 0x80
/// with their numbers of calls. The task's registers, signal mask and pending signals are
/// afterwards as before. False where the task ended meanwhile or cannot do it.
bool inject_call(pid_t tid, uint64_t syscall_at, long nr, const uint64_t args[6], long *ret_result);
