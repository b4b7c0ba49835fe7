// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/program.h"

#include "mask/trace/auxv.h"
#include "mask/trace/filter.h"
#include "mask/trace/inject.h"
#include "mask/trace/memory.h"
#include "mask/trace/patch.h"

#include <asm/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

/// Code segment of 64-bit user programs (arch/x86/include/asm/segment.h: __USER_CS).
#define USER_CS 0x33

/// Makes CPUID fault in this thread; an execve switches that off again.
void program_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    const uint64_t args[6] = {ARCH_SET_CPUID};
    long answer;
    (void)result;
    if (!inject_call(task->tid, task->space->syscall_at, SYS_arch_prctl, args, &answer) ||
        answer != 0) {
        task_report(tracer,
                    "process %d: CPUID faulting cannot be switched on: it shows the "
                    "real CPU",
                    task->tid);
    }
}

/// Who may execute a program but not read it may not look into its memory either.
static void report_unreadable(const struct tracer *tracer, const struct task *task, uint64_t rip)
{
    uint8_t byte;
    if (memory_read(task->tid, rip, &byte, sizeof byte) != sizeof byte) {
        g_hash_table_add(tracer->reported, g_strdup("closed")); // this says more
        task_report(tracer,
                    "process %d: its program may be executed but not read: it shows the real "
                    "CPU; make the file readable",
                    task->tid);
    }
}

enum resume program_begin(struct tracer *tracer, struct task *task)
{
    struct user_regs_struct regs;
    bool is_sandboxed = task->space != NULL && task->space->is_sandboxed;
    struct space_fills fills = task->space != NULL ? task->space->fills : (struct space_fills){0};
    space_unref(task->space);
    signals_unref(task->signals);
    task->space = space_new();
    task->signals = signals_new(task->tid);
    task->blocked = signals_read_blocked(task->tid, 0);
    task->space->is_sandboxed = is_sandboxed;
    task->space->fills = fills;
    task->pending = 0;
    task->is_real = false;
    if (ptrace(PTRACE_GETREGS, task->tid, 0, &regs) != 0) {
        return RESUME_FREELY;
    }
    task->space->is_64 = regs.cs == USER_CS;
    task->space->trap = task->space->is_64 && !is_sandboxed ? tracer->trap : TRAP_SIGNAL;
    report_unreadable(tracer, task, regs.rip);
    auxv_adjust(tracer, task, regs.rsp);
    patch_program(tracer, task);
    if (patch_is_needed(tracer, task)) {
        return RESUME_FREELY;
    }
    task->pending = FILTER_EXEC; // no call can be made before the execve has ended
    return RESUME_TO_CALL_END;
}
