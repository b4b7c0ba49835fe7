// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/inject.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/// Code segment of 32-bit user programs (arch/x86/include/asm/segment.h: __USER32_CS).
#define USER32_CS 0x23

/// The kernel's signal set: 64 signals.
typedef uint64_t kernel_sigset;

/// Runs the task to the end of its next system call. Its filter stops it on the way.
static bool run_to_call_end(pid_t tid)
{
    for (;;) {
        int status;
        if (ptrace(PTRACE_SYSCALL, tid, 0, 0) != 0 ||
            TEMP_FAILURE_RETRY(waitpid(tid, &status, __WALL)) < 0 || !WIFSTOPPED(status)) {
            return false;
        }
        struct __ptrace_syscall_info info;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80) &&
            ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_EXIT) {
            return true;
        }
    }
}

static void prepare(struct user_regs_struct *regs, uint64_t syscall_at, long nr,
                    const uint64_t args[6])
{
    regs->rip = syscall_at;
    regs->rax = (unsigned long long)nr;
    regs->orig_rax = (unsigned long long)-1; // not within a call: nothing to be restarted
    bool is_32 = regs->cs == USER32_CS;
    *(is_32 ? &regs->rbx : &regs->rdi) = args[0];
    *(is_32 ? &regs->rcx : &regs->rsi) = args[1];
    regs->rdx = args[2];
    *(is_32 ? &regs->rsi : &regs->r10) = args[3];
    *(is_32 ? &regs->rdi : &regs->r8) = args[4];
    *(is_32 ? &regs->rbp : &regs->r9) = args[5];
}

bool inject_call(pid_t tid, uint64_t syscall_at, long nr, const uint64_t args[6], long *ret_result)
{
    struct user_regs_struct before, during;
    kernel_sigset mask, all = UINT64_MAX;
    if (syscall_at == 0 || ptrace(PTRACE_GETREGS, tid, 0, &before) != 0 ||
        ptrace(PTRACE_GETSIGMASK, tid, sizeof mask, &mask) != 0 ||
        ptrace(PTRACE_SETSIGMASK, tid, sizeof all, &all) != 0) {
        return false;
    }
    during = before;
    prepare(&during, syscall_at, nr, args);
    bool is_done = ptrace(PTRACE_SETREGS, tid, 0, &during) == 0 && run_to_call_end(tid) &&
                   ptrace(PTRACE_GETREGS, tid, 0, &during) == 0;
    *ret_result = is_done ? (long)during.rax : -1;
    // Also after a failure: what is left of the task must not stay in our hands.
    ptrace(PTRACE_SETREGS, tid, 0, &before);
    ptrace(PTRACE_SETSIGMASK, tid, sizeof mask, &mask);
    return is_done;
}
