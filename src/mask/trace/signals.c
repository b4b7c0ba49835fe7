// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/signals.h"

#include "mask/trace/inject.h"
#include "mask/trace/memory.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#define BIT(signal) (UINT64_C(1) << ((signal)-1))

/// The signals of faults: was_blocked.
#define FAULTS (BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGSEGV))

static const int kept[] = {SIGILL, SIGSEGV};

struct signals {
    unsigned refs;
    struct signal_action actions[G_N_ELEMENTS(kept)];
};

/// The action of the signal, NULL if it is none of ours.
static struct signal_action *find_action(struct signals *signals, int signal)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        if (kept[i] == signal) {
            return &signals->actions[i];
        }
    }
    return NULL;
}

/// A set of signals of /proc/PID/status, by its key. All where it cannot be read.
static uint64_t read_set(pid_t pid, const char *key)
{
    return memory_read_status(pid, key, 16, UINT64_MAX);
}

struct signals *signals_new(pid_t pid)
{
    struct signals *signals = g_new0(struct signals, 1);
    signals->refs = 1;
    uint64_t ignored = read_set(pid, "\nSigIgn:");
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        bool is_ignored = (ignored & BIT(kept[i])) != 0;
        signals->actions[i].handler = (uint64_t)(uintptr_t)(is_ignored ? SIG_IGN : SIG_DFL);
    }
    return signals;
}

struct signals *signals_ref(struct signals *signals)
{
    signals->refs++;
    return signals;
}

static bool is_handler(const struct signal_action *action)
{
    return action->handler > (uint64_t)(uintptr_t)SIG_IGN;
}

struct signals *signals_copy(const struct signals *signals, bool is_cleared)
{
    struct signals *copy = g_memdup2(signals, sizeof *signals);
    copy->refs = 1;
    for (size_t i = 0; i < G_N_ELEMENTS(kept) && is_cleared; i++) {
        if (is_handler(&copy->actions[i])) {
            copy->actions[i] = (struct signal_action){0};
        }
    }
    return copy;
}

void signals_unref(struct signals *signals)
{
    if (signals != NULL && --signals->refs == 0) {
        g_free(signals);
    }
}

void signals_set(struct signals *signals, int signal, const struct signal_action *action)
{
    struct signal_action *ours = find_action(signals, signal);
    if (ours != NULL) {
        *ours = *action;
    }
}

void signals_deliver(struct signals *signals, int signal)
{
    struct signal_action *action = find_action(signals, signal);
    if (action != NULL && (action->flags & SA_RESETHAND) != 0) {
        action->handler = (uint64_t)(uintptr_t)SIG_DFL;
    }
}

/// The kernel's struct compat_sigaction, of 32-bit programs (include/linux/compat.h).
struct legacy_action {
    uint32_t handler, flags, restorer, mask[2];
};

bool signals_read_action(pid_t tid, uint64_t at, bool is_legacy, struct signal_action *ret)
{
    struct legacy_action legacy;
    if (!is_legacy) {
        return memory_read(tid, at, ret, sizeof *ret) == sizeof *ret;
    }
    if (memory_read(tid, at, &legacy, sizeof legacy) != sizeof legacy) {
        return false;
    }
    *ret = (struct signal_action){legacy.handler, legacy.flags, legacy.restorer,
                                  (uint64_t)legacy.mask[1] << 32 | legacy.mask[0]};
    return true;
}

/// Puts the action back, by a call in the task's name.
static bool restore_action(const struct signal_action *action, pid_t tid, const struct space *space,
                           int signal)
{
    const struct legacy_action legacy = {(uint32_t)action->handler,
                                         (uint32_t)action->flags,
                                         (uint32_t)action->restorer,
                                         {(uint32_t)action->mask, (uint32_t)(action->mask >> 32)}};
    const void *bytes = space->is_64 ? (const void *)action : &legacy;
    const uint64_t args[6] = {(uint64_t)signal, space->spare_at, 0, sizeof action->mask};
    long nr = space->is_64 ? SYS_rt_sigaction : SIGNALS_LEGACY_ACTION, result = -1;
    return space->spare_at != 0 &&
           memory_write(tid, space->spare_at, bytes,
                        space->is_64 ? sizeof *action : sizeof legacy) &&
           inject_call(tid, space->syscall_at, nr, args, &result) && result == 0;
}

/// Whether the signal was blocked when it was forced. A handler tells: it is gone only then. With
/// the default action, or if the signal is ignored, the mask that was last set does, if nothing
/// else is different since. Handlers, sigreturn and ppoll change masks without a stop: masks are
/// mostly filled as a whole, and who blocks all the other faults blocks this one too.
static bool was_blocked(const struct signal_action *action, uint64_t mask, int signal,
                        uint64_t before)
{
    uint64_t others = FAULTS & ~BIT(signal);
    bool is_same = ((mask ^ before) & ~BIT(signal)) == 0;
    return is_handler(action) ||
           (is_same ? (before & BIT(signal)) != 0 : (mask & others) == others);
}

uint64_t signals_read_blocked(pid_t tid, uint64_t otherwise)
{
    uint64_t mask;
    return ptrace(PTRACE_GETSIGMASK, tid, sizeof mask, &mask) == 0 ? mask : otherwise;
}

/// Whether the task's handler is gone, which it is only if the signal was forced while blocked or
/// ignored.
static bool is_reset(const struct signal_action *action, pid_t tid, int signal)
{
    return is_handler(action) && (read_set(tid, "\nSigCgt:") & BIT(signal)) == 0;
}

bool signals_was_waiting(const struct signals *signals, pid_t tid, int signal, uint64_t blocked)
{
    const struct signal_action *action = find_action((struct signals *)signals, signal);
    uint64_t mask = signals_read_blocked(tid, 0);
    return is_handler(action) ? is_reset(action, tid, signal)
                              : was_blocked(action, mask, signal, blocked);
}

void signals_raise(pid_t tid, const struct space *space, const siginfo_t *info)
{
    // getpid, gettid, and what sends it.
    static const long calls[][3] = {{20, 224, 270},
                                    {SYS_getpid, SYS_gettid, SYS_tgkill},
                                    {SYS_getpid, SYS_gettid, SYS_rt_tgsigqueueinfo}};
    bool has_info = space->is_64 && space->spare_at != 0 &&
                    memory_write(tid, space->spare_at, info, SPACE_SPARE);
    const long *nr = calls[has_info ? 2 : space->is_64 ? 1 : 0];
    uint64_t args[6] = {0};
    long numbers[2], result;
    // Its own numbers: it may be in a pid namespace of its own.
    for (int i = 0; i < 2; i++) {
        if (!inject_call(tid, space->syscall_at, nr[i], args, &numbers[i])) {
            return;
        }
    }
    args[0] = (uint64_t)numbers[0];
    args[1] = (uint64_t)numbers[1];
    args[2] = (uint64_t)info->si_signo;
    args[3] = space->spare_at;
    inject_call(tid, space->syscall_at, nr[2], args, &result);
}

bool signals_mend(const struct signals *signals, pid_t tid, const struct space *space, int signal,
                  uint64_t blocked)
{
    const struct signal_action *action = find_action((struct signals *)signals, signal);
    if (is_handler(action) && !is_reset(action, tid, signal)) {
        return true; // it was neither blocked nor ignored
    }
    bool is_mended = action->handler == (uint64_t)(uintptr_t)SIG_DFL ||
                     restore_action(action, tid, space, signal);
    uint64_t mask = signals_read_blocked(tid, 0);
    if (was_blocked(action, mask, signal, blocked)) {
        mask |= BIT(signal);
        ptrace(PTRACE_SETSIGMASK, tid, sizeof mask, &mask);
    }
    return is_mended;
}
