// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/answer.h"

#include <string.h>
#include <sys/ptrace.h>

/// The CPU on which the task runs, -1 where it cannot be told: field 39 of /proc/PID/stat
/// (proc(5)). The name, field 2, may hold anything and ends with the last parenthesis.
static int read_cpu(pid_t tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", tid), *text = NULL;
    const char *at = g_file_get_contents(path, &text, NULL, NULL) ? strrchr(text, ')') : NULL;
    for (int field = 2; at != NULL && field < 39; field++) {
        at = strchr(at + 1, ' ');
    }
    return at != NULL ? (int)strtol(at, NULL, 10) : -1;
}

bool answer_cpuid(struct tracer *tracer, const struct task *task, struct user_regs_struct *regs,
                  uint32_t leaf, uint64_t next)
{
    struct mask_regs answer =
        mask_table_get(tracer->table, leaf, (uint32_t)regs->rcx, read_cpu(task->tid));
    regs->rax = answer.eax;
    regs->rbx = answer.ebx;
    regs->rcx = answer.ecx;
    regs->rdx = answer.edx;
    regs->orig_rax = (unsigned long long)-1; // the call is not made
    regs->rip = next;
    tracer->counts.answered++;
    return ptrace(PTRACE_SETREGS, task->tid, 0, regs) == 0;
}
