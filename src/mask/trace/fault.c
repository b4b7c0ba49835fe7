// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/fault.h"

#include "mask/look/decode.h"
#include "mask/trace/answer.h"
#include "mask/trace/fill.h"
#include "mask/trace/inject.h"
#include "mask/trace/memory.h"
#include "mask/trace/patch.h"
#include "mask/trace/watch.h"

#include <asm/prctl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

/// The protection of the page, -1 where nothing is mapped.
static int read_protection(pid_t pid, uint64_t addr)
{
    g_autoptr(GArray) maps = memory_read_maps(pid, addr, addr + 1);
    return maps->len > 0 ? g_array_index(maps, struct mapping, 0).prot : -1;
}

/// Gives the page another protection. False where the kernel refuses, not where the task has ended.
static bool protect(const struct task *task, uint64_t page, int prot)
{
    const uint64_t args[6] = {page, MEMORY_PAGE, (uint64_t)prot};
    long result;
    return !inject_call(task->tid, task->space->syscall_at, SYS_mprotect, args, &result) ||
           result == 0;
}

/// Searches a page that is about to become executable. Until that is done nobody writes there, or
/// executes what is not replaced yet: who tries faults, and tries again.
static bool search(struct tracer *tracer, struct task *task, uint64_t page, uint64_t entry)
{
    if (!protect(task, page, PROT_READ)) {
        return false;
    }
    patch_page(tracer, task, page, entry);
    return true;
}

/// Watched memory of a process that may not be looked into any more gets what was asked for.
static bool release(struct tracer *tracer, struct task *task, uint64_t page)
{
    if (!watch_has(task->space->watch, page, page + 1) || memory_is_open(task->tid) ||
        !protect(task, page, watch_get_protection(WATCH_OPEN))) {
        return false;
    }
    watch_release(task->space->watch, page, page + MEMORY_PAGE);
    patch_report_closed(tracer, task);
    return true;
}

/// A fault on watched memory: the page is searched and gets another protection.
static bool resolve_watch(struct tracer *tracer, struct task *task, uint64_t addr, uint64_t rip)
{
    if (task->space->watch == NULL) {
        return false;
    }
    int prot = read_protection(task->tid, addr);
    bool is_execution = addr >= rip && addr - rip < DECODE_MAX;
    bool is_repeated = task->fault_rip == rip && task->fault_addr == addr;
    enum watch_verdict verdict =
        watch_judge(task->space->watch, addr, prot, is_execution, is_repeated);
    task->fault_rip = verdict == WATCH_RETRY ? rip : 0;
    task->fault_addr = verdict == WATCH_RETRY ? addr : 0;
    uint64_t page = addr & ~(uint64_t)(MEMORY_PAGE - 1);
    if (verdict == WATCH_NOT_OURS || verdict == WATCH_RETRY) {
        return verdict == WATCH_RETRY || (prot < 0 && release(tracer, task, page));
    }
    uint64_t entry = is_execution ? rip : UINT64_MAX;
    if (verdict == WATCH_EXECUTE) {
        fill_prepare(tracer, task, page);
    }
    return (verdict == WATCH_WRITE || search(tracer, task, page, entry)) &&
           protect(task, page, watch_get_protection(verdict));
}

/// Where the opcode of the instruction at `rip` stands: behind its prefixes.
static uint64_t skip_prefixes(const struct task *task, uint64_t rip)
{
    uint8_t bytes[DECODE_MAX];
    size_t got = memory_read(task->tid, rip, bytes, sizeof bytes);
    return rip + decode_prefixes(task->space->is_64, bytes, got);
}

static bool is_cpuid_at(pid_t tid, uint64_t addr)
{
    uint8_t bytes[CPUID_LENGTH];
    return memory_read(tid, addr, bytes, sizeof bytes) == sizeof bytes &&
           bytes[0] == CPUID_BYTE_0 && bytes[1] == CPUID_BYTE_1;
}

/// The int 0x80 by which the program's process learns which trap serves is no CPUID: it is passed
/// over, and not counted.
static bool skip_trial(const struct tracer *tracer, const struct task *task, const siginfo_t *info,
                       const struct user_regs_struct *regs)
{
    if (info->si_signo != SIGSEGV || info->si_code <= 0 || task->tid != tracer->root ||
        regs->rax != TRACER_TRIAL) {
        return false;
    }
    task_set_register(task, offsetof(struct user_regs_struct, rip), regs->rip + CPUID_LENGTH);
    return true;
}

/// True if the signal was made by a trap of ours, which is answered.
static bool answer_signal(struct tracer *tracer, struct task *task, const siginfo_t *info,
                          struct user_regs_struct *regs)
{
    uint64_t at = skip_prefixes(task, regs->rip);
    bool is_fault = tracer->options.is_faulting && info->si_signo == SIGSEGV &&
                    info->si_code == SI_KERNEL && is_cpuid_at(task->tid, at);
    bool is_trap = info->si_signo == SIGILL && info->si_code > 0 &&
                   task->space->trap == TRAP_SIGNAL && space_is_site(task->space, task->tid, at);
    bool is_torn = info->si_signo == SIGSEGV && info->si_code == SI_KERNEL && !is_fault &&
                   space_is_torn(task->space, task->tid, at);
    return is_torn || ((is_fault || is_trap) &&
                       answer_cpuid(tracer, task, regs, (uint32_t)regs->rax, at + CPUID_LENGTH));
}

/// Whether it was a CPUID that faulted nobody can tell where the process may not be looked into.
/// Its CPUID does not fault from then on, and what did is tried again: anything else faults once
/// more.
static bool stop_faulting(struct tracer *tracer, struct task *task, const siginfo_t *info,
                          uint64_t rip)
{
    const uint64_t args[6] = {ARCH_SET_CPUID, 1};
    uint8_t byte;
    long result;
    if (!tracer->options.is_faulting || info->si_signo != SIGSEGV || info->si_code != SI_KERNEL ||
        task->is_real || memory_read(task->tid, rip, &byte, sizeof byte) == sizeof byte ||
        !inject_call(task->tid, task->space->syscall_at, SYS_arch_prctl, args, &result)) {
        return false;
    }
    task->is_real = true;
    patch_report_closed(tracer, task);
    return result == 0;
}

/// True if the signal was made by us: a trap, which is answered, or a fault on watched memory.
static bool is_ours(struct tracer *tracer, struct task *task, const siginfo_t *info,
                    struct user_regs_struct *regs)
{
    bool is_refused = info->si_signo == SIGSEGV && info->si_code == SEGV_ACCERR;
    return answer_signal(tracer, task, info, regs) ||
           stop_faulting(tracer, task, info, regs->rip) ||
           (is_refused &&
            resolve_watch(tracer, task, (uint64_t)(uintptr_t)info->si_addr, regs->rip));
}

/// What the kernel reset when it forced a signal that the task does not get is put back.
static void mend(struct tracer *tracer, const struct task *task, int signal)
{
    if (!signals_mend(task->signals, task->tid, task->space, signal, task->blocked) &&
        g_hash_table_add(tracer->reported, g_strdup("action"))) {
        task_report(tracer, "process %d: its action of signal %d is lost, since CPUID made it",
                    task->tid, signal);
    }
}

/// A signal that was sent while it was blocked, in the place of one that we made: what made that is
/// tried again, and then the signal is sent again.
static bool put_aside(struct tracer *tracer, struct task *task, const siginfo_t *info)
{
    if (info->si_code > 0 ||
        !signals_was_waiting(task->signals, task->tid, info->si_signo, task->blocked)) {
        return false;
    }
    mend(tracer, task, info->si_signo);
    task->aside = *info;
    return true;
}

int fault_resolve(struct tracer *tracer, struct task *task, int signal)
{
    siginfo_t info;
    struct user_regs_struct regs;
    if ((signal != SIGSEGV && signal != SIGILL) ||
        ptrace(PTRACE_GETSIGINFO, task->tid, 0, &info) != 0 ||
        ptrace(PTRACE_GETREGS, task->tid, 0, &regs) != 0) {
        return signal;
    }
    if (skip_trial(tracer, task, &info, &regs) || put_aside(tracer, task, &info)) {
        return 0;
    }
    if (is_ours(tracer, task, &info, &regs)) {
        mend(tracer, task, signal);
        if (task->aside.si_signo == signal) {
            signals_raise(task->tid, task->space, &task->aside);
            task->aside.si_signo = 0;
        }
        return 0;
    }
    signals_deliver(task->signals, signal);
    return signal;
}
