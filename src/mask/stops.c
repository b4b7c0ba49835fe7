// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/stops.h"

#include "mask/answer.h"
#include "mask/auxv.h"
#include "mask/decode.h"
#include "mask/filter.h"
#include "mask/inject.h"
#include "mask/memory.h"
#include "mask/patch.h"
#include "mask/watch.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

/// The longest instruction, in bytes.
#define INSTRUCTION_MAX 15

/// The instruction that makes a system call, in bytes.
#define SYSCALL_LENGTH 2

/// Pending besides the reasons of the filter: the end of an execve.
#define PENDING_EXEC 100

/// Code segment of 64-bit user programs (arch/x86/include/asm/segment.h: __USER_CS).
#define USER_CS 0x33

/// A program's own use of the 32-bit interface in the calls that concern us: where its arguments
/// stand is the same in struct __ptrace_syscall_info.
static const struct {
    uint64_t nr;
    int reason;
} legacy_calls[] = {
    {125, FILTER_PROTECT},
    {163, FILTER_REMAP},
    {192, FILTER_MAP},
    {380, FILTER_PROTECT},
};

static void set_register(const struct task *task, size_t offset, uint64_t value)
{
    ptrace(PTRACE_POKEUSER, task->tid, (void *)(uintptr_t)offset, (void *)(uintptr_t)value);
}

static void set_argument(const struct task *task, int index, uint64_t value)
{
    static const size_t offsets[] = {
        offsetof(struct user_regs_struct, rdi), offsetof(struct user_regs_struct, rsi),
        offsetof(struct user_regs_struct, rdx), offsetof(struct user_regs_struct, r10),
        offsetof(struct user_regs_struct, r8),  offsetof(struct user_regs_struct, r9),
    };
    set_register(task, offsets[index], value);
}

/// Memory that is to be writable and executable at once is given as writable only, and watched.
static bool is_watchable(const struct tracer *tracer, const struct task *task)
{
    const int both = PROT_WRITE | PROT_EXEC;
    const uint64_t *args = task->args;
    return tracer->options.is_jit_watched && task->space->is_64 && task->space->syscall_at != 0 &&
           (args[2] & both) == both && (args[3] & MAP_ANONYMOUS) != 0 &&
           (args[3] & MAP_TYPE) == MAP_PRIVATE && (args[3] & MAP_GROWSDOWN) == 0;
}

static enum resume on_map(struct tracer *tracer, struct task *task)
{
    if ((task->args[2] & PROT_EXEC) == 0) {
        return RESUME_FREELY; // the 32-bit interface stops on all calls
    }
    task->image = (task->args[3] & MAP_ANONYMOUS) == 0
                      ? patch_get_image(tracer, task, (int)task->args[4])
                      : NULL;
    if (is_watchable(tracer, task)) {
        set_argument(task, 2, task->args[2] & ~(uint64_t)PROT_EXEC);
    }
    bool is_shared_code = task->image != NULL && task->image->sites.code->len > 0 &&
                          (task->args[3] & MAP_TYPE) == MAP_SHARED &&
                          (task->args[2] & PROT_WRITE) == 0;
    if (is_shared_code && task->space->is_64) {
        // The file itself must not be changed, and the program cannot tell the difference.
        set_argument(task, 3, (task->args[3] & ~(uint64_t)MAP_TYPE) | MAP_PRIVATE);
    }
    return RESUME_TO_CALL_END;
}

static void on_map_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    if (task->space->is_64) {
        set_argument(task, 2, task->args[2]);
        set_argument(task, 3, task->args[3]);
    }
    if (result > -4096UL) {
        return;
    }
    uint64_t length = (task->args[1] + MEMORY_PAGE - 1) & ~(uint64_t)(MEMORY_PAGE - 1);
    space_forget(task->space, result, result + length);
    watch_remove(task->space->watch, result, result + length);
    if (is_watchable(tracer, task)) {
        watch_add(&task->space->watch, result, result + length);
    } else if (task->image != NULL) {
        uint64_t unit = task->space->is_64 ? 1 : MEMORY_PAGE; // mmap2 counts pages
        patch_image(tracer, task, task->image, result, length, task->args[5] * unit);
    } else if ((task->args[3] & MAP_ANONYMOUS) == 0) {
        patch_range(tracer, task, result, result + length);
    }
}

static enum resume on_protect(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    return (task->args[2] & PROT_EXEC) != 0 ? RESUME_TO_CALL_END : RESUME_FREELY;
}

static void on_protect_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    uint64_t start = task->args[0], end = start + task->args[1];
    if (result == 0) {
        end = (end + MEMORY_PAGE - 1) & ~(uint64_t)(MEMORY_PAGE - 1);
        watch_remove(task->space->watch, start, end);
        patch_range(tracer, task, start, end);
    }
}

/// Data is moved often and code never: without a site or a watch there is nothing to follow.
static enum resume on_remap(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    uint64_t start = task->args[0], end = start + task->args[1];
    bool is_code = watch_has(task->space->watch, start) || space_has_sites(task->space, start, end);
    return is_code ? RESUME_TO_CALL_END : RESUME_FREELY;
}

static void on_remap_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    if (result > -4096UL) {
        return;
    }
    uint64_t start = task->args[0], length = task->args[1], end = result + task->args[2];
    space_move(task->space, start, length, result);
    if (watch_has(task->space->watch, start)) {
        watch_remove(task->space->watch, start, start + length);
        watch_add(&task->space->watch, result, end);
    }
    patch_range(tracer, task, result, end);
}

/// True if the folder that the call starts from is /proc. `folder`: a descriptor, or AT_FDCWD.
static bool is_below_proc(const struct task *task, int folder)
{
    char path[32], target[sizeof "/proc"];
    if (folder == AT_FDCWD) {
        snprintf(path, sizeof path, "/proc/%d/cwd", task->tid);
    } else {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", task->tid, folder);
    }
    ssize_t got = readlink(path, target, sizeof target);
    return got == sizeof target - 1 && memcmp(target, "/proc", sizeof target - 1) == 0;
}

/// True if the path at `at` names /proc/cpuinfo, also by its last name from within /proc.
static bool is_cpuinfo(const struct task *task, uint64_t at, int folder)
{
    static const char name[] = "/proc/cpuinfo", last[] = "cpuinfo";
    char path[sizeof name];
    size_t got = memory_read(task->tid, at, path, sizeof path);
    return (got == sizeof name && memcmp(path, name, sizeof name) == 0) ||
           (got >= sizeof last && memcmp(path, last, sizeof last) == 0 &&
            is_below_proc(task, folder));
}

/// The path of the file that stands in for /proc/cpuinfo, put below the stack of the task.
static uint64_t write_replacement(const struct tracer *tracer, const struct task *task,
                                  uint64_t stack)
{
    char path[64] = {0};
    const uint64_t red_zone = 128;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), tracer->cpuinfo_fd);
    uint64_t at = (stack - red_zone - sizeof path) & ~UINT64_C(15);
    return memory_write(task->tid, at, path, sizeof path) ? at : 0;
}

static enum resume on_open(struct tracer *tracer, struct task *task,
                           const struct __ptrace_syscall_info *info)
{
    bool has_folder = info->seccomp.nr != SYS_open, is_again = task->is_open_again;
    int argument = has_folder ? 1 : 0, folder = has_folder ? (int)task->args[0] : AT_FDCWD;
    task->is_open_again = false;
    if (tracer->cpuinfo_fd < 0 || is_again || !is_cpuinfo(task, task->args[argument], folder)) {
        return RESUME_FREELY;
    }
    uint64_t at = write_replacement(tracer, task, info->stack_pointer);
    if (at == 0) {
        return RESUME_FREELY;
    }
    set_argument(task, argument, at);
    return RESUME_TO_CALL_END;
}

/// Lets the task make the call that has just ended once more, as it made it.
static void repeat_open(struct task *task)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, task->tid, 0, &regs) == 0) {
        regs.rax = regs.orig_rax;
        regs.rip -= SYSCALL_LENGTH;
        task->is_open_again = ptrace(PTRACE_SETREGS, task->tid, 0, &regs) == 0;
    }
}

static void on_open_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    // Both calls are told apart by nothing that is left; restoring both registers is harmless.
    set_argument(task, 0, task->args[0]);
    set_argument(task, 1, task->args[1]);
    // Another user, or another pid namespace: our file is not to be had there. No program must
    // fail for that.
    if (result == (uint64_t)-EACCES || result == (uint64_t)-ENOENT) {
        repeat_open(task);
        if (g_hash_table_add(tracer->reported, g_strdup("cpuinfo"))) {
            tracer_report(tracer,
                          "process %d runs as another user or in another namespace: "
                          "/proc/cpuinfo shows it the real CPU",
                          task->tid);
        }
    }
}

/// The program's own filter may forbid the 32-bit interface: CPUID must not depend on it then.
static enum resume on_seccomp(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    task->space->is_sandboxed = true;
    if (task->space->trap == TRAP_SYSCALL) {
        space_set_trap(task->space, task->tid, TRAP_SIGNAL);
    }
    return RESUME_FREELY;
}

/// The action is read at the beginning: the program may have the former one put in its place.
static enum resume on_action(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    size_t size = sizeof task->action;
    bool is_set = task->args[1] != 0 && task->space->is_64 &&
                  memory_read(task->tid, task->args[1], &task->action, size) == size;
    return is_set ? RESUME_TO_CALL_END : RESUME_FREELY;
}

static void on_action_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    (void)tracer;
    if (result == 0) {
        signals_set(task->signals, (int)task->args[0], &task->action);
    }
}

static enum resume answer_call(struct tracer *tracer, struct task *task, uint64_t nr)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, task->tid, 0, &regs) == 0) {
        answer_cpuid(tracer, task, &regs, (uint32_t)nr, regs.rip);
    }
    return RESUME_FREELY;
}

static int find_legacy(uint64_t nr)
{
    for (size_t i = 0; i < G_N_ELEMENTS(legacy_calls); i++) {
        if (legacy_calls[i].nr == nr) {
            return legacy_calls[i].reason;
        }
    }
    return 0;
}

enum resume stop_at_call(struct tracer *tracer, struct task *task)
{
    struct __ptrace_syscall_info info = {0};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_SECCOMP) {
        return RESUME_FREELY;
    }
    int reason = (int)info.seccomp.ret_data;
    if (reason == FILTER_LEGACY && task->space->is_64) {
        bool is_trial = info.seccomp.nr == TRACER_TRIAL && task->tid == tracer->root;
        if (is_trial) {
            tracer->trap = TRAP_SYSCALL;
            set_register(task, offsetof(struct user_regs_struct, orig_rax), UINT64_MAX);
            set_register(task, offsetof(struct user_regs_struct, rax), 0);
            return RESUME_FREELY;
        }
        uint64_t site = info.instruction_pointer - CPUID_LENGTH;
        if (space_is_site(task->space, task->tid, site)) {
            return answer_call(tracer, task, info.seccomp.nr);
        }
    }
    if (reason == FILTER_LEGACY) {
        reason = find_legacy(info.seccomp.nr);
    }
    for (int i = 0; i < 6; i++) {
        task->args[i] = info.seccomp.args[i];
    }
    static enum resume (*const handlers[])(struct tracer *, struct task *) = {
        [FILTER_MAP] = on_map,         [FILTER_PROTECT] = on_protect, [FILTER_REMAP] = on_remap,
        [FILTER_SECCOMP] = on_seccomp, [FILTER_ACTION] = on_action,
    };
    enum resume resume = RESUME_FREELY;
    if (reason == FILTER_OPEN) {
        resume = on_open(tracer, task, &info);
    } else if (reason > 0 && (size_t)reason < G_N_ELEMENTS(handlers) && handlers[reason] != NULL) {
        resume = handlers[reason](tracer, task);
    }
    task->pending = resume == RESUME_TO_CALL_END ? reason : 0;
    return resume;
}

/// Makes CPUID fault in this thread; an execve switches that off again.
static void on_exec_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    const uint64_t args[4] = {ARCH_SET_CPUID};
    long answer;
    (void)result;
    if (!inject_call(task->tid, task->space->syscall_at, SYS_arch_prctl, args, &answer) ||
        answer != 0) {
        tracer_report(tracer,
                      "process %d: CPUID faulting cannot be switched on: it shows the "
                      "real CPU",
                      task->tid);
    }
}

void stop_at_call_end(struct tracer *tracer, struct task *task)
{
    static void (*const handlers[])(struct tracer *, struct task *, uint64_t) = {
        [FILTER_MAP] = on_map_end,       [FILTER_PROTECT] = on_protect_end,
        [FILTER_REMAP] = on_remap_end,   [FILTER_OPEN] = on_open_end,
        [FILTER_ACTION] = on_action_end, [PENDING_EXEC] = on_exec_end,
    };
    int pending = task->pending;
    task->pending = 0;
    errno = 0;
    long result =
        ptrace(PTRACE_PEEKUSER, task->tid, (void *)offsetof(struct user_regs_struct, rax), 0);
    if (errno == 0 && pending > 0 && (size_t)pending < G_N_ELEMENTS(handlers) &&
        handlers[pending] != NULL) {
        handlers[pending](tracer, task, (uint64_t)result);
    }
}

/// Who may execute a program but not read it may not look into its memory either.
static void report_unreadable(const struct tracer *tracer, const struct task *task, uint64_t rip)
{
    uint8_t byte;
    if (memory_read(task->tid, rip, &byte, sizeof byte) != sizeof byte) {
        tracer_report(tracer,
                      "process %d: its program may be executed but not read: it shows the real "
                      "CPU; make the file readable",
                      task->tid);
    }
}

enum resume stop_at_exec(struct tracer *tracer, struct task *task)
{
    struct user_regs_struct regs;
    bool is_sandboxed = task->space != NULL && task->space->is_sandboxed;
    space_unref(task->space);
    signals_unref(task->signals);
    task->space = space_new();
    task->signals = signals_new(task->tid);
    task->space->is_sandboxed = is_sandboxed;
    task->pending = 0;
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
    task->pending = PENDING_EXEC; // no call can be made before the execve has ended
    return RESUME_TO_CALL_END;
}

/// The protection of the page, -1 where nothing is mapped.
static int read_protection(pid_t pid, uint64_t addr)
{
    g_autoptr(GArray) maps = memory_read_maps(pid, addr, addr + 1);
    return maps->len > 0 ? g_array_index(maps, struct mapping, 0).prot : -1;
}

/// A fault on watched memory: the page is searched and gets another protection.
static bool resolve_watch(struct tracer *tracer, struct task *task, uint64_t addr, uint64_t rip)
{
    static const int protections[] = {
        [WATCH_EXECUTE] = PROT_READ | PROT_EXEC,
        [WATCH_WRITE] = PROT_READ | PROT_WRITE,
        [WATCH_OPEN] = PROT_READ | PROT_WRITE | PROT_EXEC,
    };
    if (task->space->watch == NULL) {
        return false;
    }
    int prot = read_protection(task->tid, addr);
    bool is_execution = addr >= rip && addr - rip < INSTRUCTION_MAX;
    bool is_repeated = task->fault_rip == rip && task->fault_addr == addr;
    enum watch_verdict verdict =
        watch_judge(task->space->watch, addr, prot, is_execution, is_repeated);
    task->fault_rip = verdict == WATCH_RETRY ? rip : 0;
    task->fault_addr = verdict == WATCH_RETRY ? addr : 0;
    if (verdict == WATCH_NOT_OURS || verdict == WATCH_RETRY) {
        return verdict == WATCH_RETRY;
    }
    uint64_t page = addr & ~(uint64_t)(MEMORY_PAGE - 1);
    const uint64_t args[4] = {page, MEMORY_PAGE, (uint64_t)protections[verdict]};
    long result;
    uint64_t entry = verdict == WATCH_EXECUTE ? rip : UINT64_MAX;
    // Before, so that no other thread executes what is not replaced yet; and after, because
    // another thread may have written until then.
    if (verdict != WATCH_WRITE) {
        patch_page(tracer, task, page, entry);
    }
    if (!inject_call(task->tid, task->space->syscall_at, SYS_mprotect, args, &result)) {
        return true; // the task has ended meanwhile
    }
    if (verdict != WATCH_WRITE) {
        patch_page(tracer, task, page, entry);
    }
    return result == 0;
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
    set_register(task, offsetof(struct user_regs_struct, rip), regs->rip + CPUID_LENGTH);
    return true;
}

/// True if the signal was made by a trap of ours, which is answered.
static bool answer_signal(struct tracer *tracer, struct task *task, const siginfo_t *info,
                          struct user_regs_struct *regs)
{
    bool is_fault = tracer->options.is_faulting && info->si_signo == SIGSEGV &&
                    info->si_code == SI_KERNEL && is_cpuid_at(task->tid, regs->rip);
    bool is_trap = info->si_signo == SIGILL && info->si_code > 0 &&
                   task->space->trap == TRAP_SIGNAL &&
                   space_is_site(task->space, task->tid, regs->rip);
    return (is_fault || is_trap) &&
           answer_cpuid(tracer, task, regs, (uint32_t)regs->rax, regs->rip + CPUID_LENGTH);
}

/// True if the signal was made by us: a trap, which is answered, or a fault on watched memory.
static bool is_ours(struct tracer *tracer, struct task *task, const siginfo_t *info,
                    struct user_regs_struct *regs)
{
    bool is_refused = info->si_signo == SIGSEGV && info->si_code == SEGV_ACCERR;
    return answer_signal(tracer, task, info, regs) ||
           (is_refused &&
            resolve_watch(tracer, task, (uint64_t)(uintptr_t)info->si_addr, regs->rip));
}

/// What the kernel reset when it forced a signal that the task does not get is put back.
static void mend(struct tracer *tracer, const struct task *task, int signal)
{
    if (!signals_mend(task->signals, task->tid, task->space, signal) &&
        g_hash_table_add(tracer->reported, g_strdup("action"))) {
        tracer_report(tracer, "process %d: its action of signal %d is lost, since CPUID made it",
                      task->tid, signal);
    }
}

int stop_at_signal(struct tracer *tracer, struct task *task, int signal)
{
    siginfo_t info;
    struct user_regs_struct regs;
    if ((signal != SIGSEGV && signal != SIGILL) ||
        ptrace(PTRACE_GETSIGINFO, task->tid, 0, &info) != 0 ||
        ptrace(PTRACE_GETREGS, task->tid, 0, &regs) != 0) {
        return signal;
    }
    if (skip_trial(tracer, task, &info, &regs)) {
        return 0;
    }
    if (is_ours(tracer, task, &info, &regs)) {
        mend(tracer, task, signal);
        return 0;
    }
    signals_deliver(task->signals, signal);
    return signal;
}
