// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/calls.h"

#include "mask/look/decode.h"
#include "mask/trace/answer.h"
#include "mask/trace/clone.h"
#include "mask/trace/fill.h"
#include "mask/trace/filter.h"
#include "mask/trace/maps.h"
#include "mask/trace/memory.h"
#include "mask/trace/open.h"
#include "mask/trace/program.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>

/// A program's own use of the 32-bit interface in the calls that concern us: where its arguments
/// stand is the same in struct __ptrace_syscall_info.
static const struct {
    uint64_t nr;
    size_t reason;
} legacy_calls[] = {
    {91, FILTER_UNMAP},
    {120, FILTER_CLONE},
    {125, FILTER_PROTECT},
    {384, FILTER_MODE},
    {435, FILTER_CLONE},
    {163, FILTER_REMAP},
    {SIGNALS_LEGACY_ACTION, FILTER_ACTION},
    {175, FILTER_BLOCK},
    {192, FILTER_MAP},
    {380, FILTER_PROTECT},
};

/// The program's own filter may forbid the 32-bit interface: CPUID must not depend on it then, nor
/// memory on mprotect.
static enum resume on_seccomp(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    if (fill_release(task)) {
        return RESUME_TO_CALL_END;
    }
    task->space->is_sandboxed = task->space->is_released = true;
    if (task->space->trap == TRAP_SYSCALL) {
        space_set_trap(task->space, task->tid, TRAP_SIGNAL);
    }
    return RESUME_FREELY;
}

/// The action is read at the beginning: the program may have the former one put in its place.
static enum resume on_action(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    bool is_set = task->args[1] != 0 &&
                  signals_read_action(task->tid, task->args[1], task->is_legacy, &task->action);
    return is_set ? RESUME_TO_CALL_END : RESUME_FREELY;
}

static void on_action_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    (void)tracer;
    if (result == 0) {
        signals_set(task->signals, (int)task->args[0], &task->action);
    }
}

/// The mask is known before the call is made: it fails only where it cannot be read.
static enum resume on_block(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    uint64_t set;
    if (memory_read(task->tid, task->args[1], &set, sizeof set) == sizeof set) {
        int how = (int)task->args[0];
        task->blocked = how == SIG_BLOCK     ? task->blocked | set
                        : how == SIG_UNBLOCK ? task->blocked & ~set
                                             : set;
    }
    return RESUME_FREELY;
}

/// The CPU that is shown cannot make CPUID fault, whatever this one does: the call is not made, and
/// answered as the kernel does for such a CPU.
static enum resume on_mode(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    bool is_cpuid = task->args[0] == ARCH_GET_CPUID || task->args[0] == ARCH_SET_CPUID;
    if (is_cpuid) { // by the 32-bit interface it may be another one
        int64_t result = task->args[0] == ARCH_GET_CPUID ? 1 : -ENODEV;
        task_set_register(task, offsetof(struct user_regs_struct, orig_rax), UINT64_MAX);
        task_set_register(task, offsetof(struct user_regs_struct, rax), (uint64_t)result);
    }
    return RESUME_FREELY;
}

static size_t find_legacy(uint64_t nr)
{
    for (size_t i = 0; i < G_N_ELEMENTS(legacy_calls); i++) {
        if (legacy_calls[i].nr == nr) {
            return legacy_calls[i].reason;
        }
    }
    return 0;
}

/// By the reason for which a call stops: what is done at its beginning and, if that asked for it,
/// at its end.
static const struct {
    enum resume (*begin)(struct tracer *tracer, struct task *task);
    void (*end)(struct tracer *tracer, struct task *task, uint64_t result);
} handlers[] = {
    [FILTER_MAP] = {maps_map, maps_map_end},
    [FILTER_UNMAP] = {maps_unmap, NULL},
    [FILTER_PROTECT] = {maps_protect, maps_protect_end},
    [FILTER_REMAP] = {maps_remap, maps_remap_end},
    [FILTER_OPEN] = {open_begin, open_end},
    [FILTER_SECCOMP] = {on_seccomp, fill_release_end},
    [FILTER_ACTION] = {on_action, on_action_end},
    [FILTER_BLOCK] = {on_block, NULL},
    [FILTER_FILL] = {fill_begin, fill_end},
    [FILTER_CLONE] = {clone_begin, clone_end},
    [FILTER_MODE] = {on_mode, NULL},
    [FILTER_EXEC] = {NULL, program_end},
};

/// True if the call is an int 0x80 of ours: the trial, or one that stands for a CPUID.
static bool answer_trap(struct tracer *tracer, struct task *task, uint64_t at)
{
    struct user_regs_struct regs;
    if (task->nr == TRACER_TRIAL && task->tid == tracer->root) {
        tracer->trap = TRAP_SYSCALL;
        task_set_register(task, offsetof(struct user_regs_struct, orig_rax), UINT64_MAX);
        task_set_register(task, offsetof(struct user_regs_struct, rax), 0);
        return true;
    }
    if (!space_is_site(task->space, task->tid, at)) {
        return false;
    }
    if (ptrace(PTRACE_GETREGS, task->tid, 0, &regs) == 0) {
        answer_cpuid(tracer, task, &regs, (uint32_t)task->nr, regs.rip);
    }
    return true;
}

enum resume calls_begin(struct tracer *tracer, struct task *task)
{
    struct __ptrace_syscall_info info = {0};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_SECCOMP) {
        return RESUME_FREELY;
    }
    size_t reason = info.seccomp.ret_data;
    task->blocked = signals_read_blocked(task->tid, task->blocked);
    task->nr = info.seccomp.nr;
    task->is_legacy = info.arch == AUDIT_ARCH_I386;
    task->stack = info.stack_pointer;
    memcpy(task->args, info.seccomp.args, sizeof task->args);
    if (reason == FILTER_LEGACY && task->space->is_64 &&
        answer_trap(tracer, task, info.instruction_pointer - CPUID_LENGTH)) {
        return RESUME_FREELY;
    }
    if (reason == FILTER_LEGACY) {
        reason = find_legacy(task->nr);
    }
    bool is_handled = reason < G_N_ELEMENTS(handlers) && handlers[reason].begin != NULL;
    enum resume resume = is_handled ? handlers[reason].begin(tracer, task) : RESUME_FREELY;
    task->pending = resume == RESUME_TO_CALL_END ? reason : 0;
    return resume;
}

void calls_end(struct tracer *tracer, struct task *task)
{
    size_t pending = task->pending;
    task->pending = 0;
    errno = 0;
    long result =
        ptrace(PTRACE_PEEKUSER, task->tid, (void *)offsetof(struct user_regs_struct, rax), 0);
    if (errno == 0 && handlers[pending].end != NULL) {
        handlers[pending].end(tracer, task, (uint64_t)result);
    }
}
