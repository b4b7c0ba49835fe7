// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a traced program does about the signals that our traps make: SIGILL and SIGSEGV.
///
/// A fault is forced upon a thread: if the signal is blocked or ignored, the kernel resets its
/// action to the default and unblocks it (kernel/signal.c: force_sig_info_to_task), before the
/// tracer can swallow it. So the tracer remembers the actions and puts back what was reset.
#pragma once

#include "mask/trace/space.h"

#include <signal.h>

/// rt_sigaction of the 32-bit interface.
#define SIGNALS_LEGACY_ACTION 174

/// The kernel's struct sigaction of 64-bit programs.
struct signal_action {
    uint64_t handler, flags, restorer, mask;
};

/// The actions of a process, which its threads share.
struct signals;

/// Of a process that has just been started or seized: the default, or ignored.
struct signals *signals_new(pid_t pid);
struct signals *signals_ref(struct signals *signals);

/// For a new process. `is_cleared`: handlers do not come with it (CLONE_CLEAR_SIGHAND).
struct signals *signals_copy(const struct signals *signals, bool is_cleared);
void signals_unref(struct signals *signals);

/// The program has set an action. Other signals than the two are passed over.
void signals_set(struct signals *signals, int signal, const struct signal_action *action);

/// Reads the action that the program is about to set. `is_legacy`: by the 32-bit interface. False
/// where it cannot be read.
bool signals_read_action(pid_t tid, uint64_t at, bool is_legacy, struct signal_action *ret);

/// The program gets the signal: a handler for one time (SA_RESETHAND) is gone then.
void signals_deliver(struct signals *signals, int signal);

/// The signals that a stopped task blocks, a bit for each from the lowest on; `otherwise` where
/// that cannot be read.
uint64_t signals_read_blocked(pid_t tid, uint64_t otherwise);

/// Whether a signal that somebody sent was blocked and waiting when it was forced: the kernel keeps
/// one of each for a thread, so what the tracer sees is the other one. `blocked` as below.
bool signals_was_waiting(const struct signals *signals, pid_t tid, int signal, uint64_t blocked);

/// Sends the stopped task a signal once more, with what its sender said; to a 32-bit program as
/// raise(3) does.
void signals_raise(pid_t tid, const struct space *space, const siginfo_t *info);

/// After a forced signal that the stopped task does not get: puts action and mask back. `blocked`:
/// what the task blocked when that was last seen. False where the action was lost.
bool signals_mend(const struct signals *signals, pid_t tid, const struct space *space, int signal,
                  uint64_t blocked);
