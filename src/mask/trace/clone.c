// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/clone.h"

#include "mask/trace/memory.h"

#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

// The struct of clone3 and CLONE_VM; glibc's sched.h and the kernel's do not go together.
#include <linux/sched.h>

/// Of 32-bit programs; clone3 has one number in both interfaces.
enum { LEGACY_CLONE = 120, LEGACY_VFORK = 190 };

uint64_t clone_read_flags(const struct task *parent)
{
    struct user_regs_struct regs;
    uint64_t flags = 0;
    if (ptrace(PTRACE_GETREGS, parent->tid, 0, &regs) != 0) {
        return 0;
    }
    bool is_64 = parent->space->is_64;
    uint64_t first = is_64 ? regs.rdi : regs.rbx;
    if (regs.orig_rax == SYS_clone3) {
        memory_read(parent->tid, first, &flags, sizeof flags);
    } else if (regs.orig_rax == (is_64 ? SYS_clone : LEGACY_CLONE)) {
        flags = first;
    } else if (regs.orig_rax == (is_64 ? SYS_vfork : LEGACY_VFORK)) {
        flags = CLONE_VM;
    }
    return flags;
}

/// Where the flags are: in the first argument, or, of clone3, where that points to.
static bool set_flags(const struct task *task, uint64_t flags)
{
    if (task->nr == SYS_clone3) {
        return memory_write(task->tid, task->args[0], &flags, sizeof flags);
    }
    task_set_register(task,
                      task->is_legacy ? offsetof(struct user_regs_struct, rbx)
                                      : offsetof(struct user_regs_struct, rdi),
                      flags);
    return true;
}

static uint64_t get_flags(const struct task *task)
{
    uint64_t flags = task->nr == SYS_clone3 ? 0 : task->args[0];
    if (task->nr == SYS_clone3) {
        memory_read(task->tid, task->args[0], &flags, sizeof flags);
    }
    return flags;
}

enum resume clone_begin(struct tracer *tracer, struct task *task)
{
    uint64_t flags = get_flags(task);
    if ((flags & CLONE_UNTRACED) == 0) {
        return RESUME_FREELY;
    }
    if (!set_flags(task, flags & ~(uint64_t)CLONE_UNTRACED)) {
        task_report(tracer,
                    "process %d: makes a process that is not to be traced: it cannot work here",
                    task->tid);
        return RESUME_FREELY;
    }
    return RESUME_TO_CALL_END;
}

void clone_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    (void)tracer;
    (void)result;
    set_flags(task, get_flags(task) | CLONE_UNTRACED);
}
