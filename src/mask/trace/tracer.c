// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/tracer.h"

#include "mask/trace/calls.h"
#include "mask/trace/clone.h"
#include "mask/trace/fault.h"
#include "mask/trace/program.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

// The struct of clone3 and CLONE_VM; glibc's sched.h and the kernel's do not go together.
#include <linux/sched.h>

#include "mask/trace/memory.h"

const unsigned long tracer_ptrace_options =
    PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC |
    PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;

struct tracer *tracer_new(const struct mask_table *table, const struct tracer_options *options,
                          pid_t root)
{
    struct tracer *tracer = g_new0(struct tracer, 1);
    tracer->table = table;
    tracer->options = *options;
    tracer->images = image_store_new();
    tracer->tasks = task_table_new();
    tracer->reported = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    tracer->root = root;
    tracer->trap = TRAP_SIGNAL; // until the trial tells that the better one works
    tracer->report_fd = -1;
    tracer->cpuinfo_fd = -1;
    struct task *task = task_get(tracer, root);
    task->space = space_new();
    task->signals = signals_new(root);
    return tracer;
}

void tracer_free(struct tracer *tracer)
{
    if (tracer != NULL) {
        image_store_free(tracer->images);
        g_hash_table_unref(tracer->tasks);
        g_hash_table_unref(tracer->reported);
        g_free(tracer);
    }
}

static void go_on(const struct task *task, enum resume resume, int signal)
{
    // Fails only where the task has been killed meanwhile, which waitpid tells.
    ptrace(resume == RESUME_TO_CALL_END ? PTRACE_SYSCALL : PTRACE_CONT, task->tid, 0,
           (void *)(intptr_t)signal);
}

static void adopt(struct task *child, const struct task *parent, uint64_t flags)
{
    space_unref(child->space);
    signals_unref(child->signals);
    child->blocked = signals_read_blocked(parent->tid, parent->blocked);
    child->space = (flags & CLONE_VM) != 0 ? space_ref(parent->space) : space_copy(parent->space);
    child->signals = (flags & CLONE_SIGHAND) != 0
                         ? signals_ref(parent->signals)
                         : signals_copy(parent->signals, (flags & CLONE_CLEAR_SIGHAND) != 0);
    if (child->is_held) {
        child->is_held = false;
        go_on(child, RESUME_FREELY, 0);
    }
}

/// A thread or process is made: it is traced from its first instruction on.
static enum resume on_new_task(struct tracer *tracer, struct task *parent)
{
    unsigned long tid = 0;
    if (ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, &tid) == 0 && tid != 0) {
        adopt(task_get(tracer, (pid_t)tid), parent, clone_read_flags(parent));
    }
    return parent->pending != 0 ? RESUME_TO_CALL_END : RESUME_FREELY;
}

static enum resume on_exec(struct tracer *tracer, struct task *task)
{
    unsigned long former = 0;
    // A thread that calls execve takes over the number of its process.
    if (ptrace(PTRACE_GETEVENTMSG, task->tid, 0, &former) == 0 && (pid_t)former != task->tid) {
        task_remove(tracer, (pid_t)former);
    }
    return program_begin(tracer, task);
}

/// A stop that belongs to no system call and no signal: a new task, or job control.
static void on_other_stop(struct task *task, int signal)
{
    if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
        ptrace(PTRACE_LISTEN, task->tid, 0, 0); // stays stopped, and tells when it is continued
    } else if (task->space == NULL) {
        task->is_held = true;
    } else {
        go_on(task, RESUME_FREELY, 0);
    }
}

static void on_stop(struct tracer *tracer, struct task *task, int status)
{
    static enum resume (*const events[])(struct tracer *, struct task *) = {
        [PTRACE_EVENT_FORK] = on_new_task,    [PTRACE_EVENT_VFORK] = on_new_task,
        [PTRACE_EVENT_CLONE] = on_new_task,   [PTRACE_EVENT_EXEC] = on_exec,
        [PTRACE_EVENT_SECCOMP] = calls_begin,
    };
    unsigned event = (unsigned)status >> 16;
    int signal = WSTOPSIG(status);
    tracer->counts.stops++;
    if (event == PTRACE_EVENT_STOP) {
        on_other_stop(task, signal);
    } else if (event > 0 && event < G_N_ELEMENTS(events) && events[event] != NULL) {
        go_on(task, events[event](tracer, task), 0);
    } else if (signal == (SIGTRAP | 0x80)) {
        calls_end(tracer, task);
        go_on(task, RESUME_FREELY, 0);
    } else {
        // A call that was begun under our eyes may still be under way.
        enum resume resume = task->pending != 0 ? RESUME_TO_CALL_END : RESUME_FREELY;
        go_on(task, resume, fault_resolve(tracer, task, signal));
    }
}

/// A parent that is killed while it makes a task never tells of it: its child is then adopted
/// from the group it is in, or from the parent itself.
static void adopt_orphans(struct tracer *tracer, const struct task *gone)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, tracer->tasks);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct task *task = value;
        if (task->is_held) {
            const struct task *leader =
                task_find(tracer, (pid_t)memory_read_status(task->tid, "\nTgid:", 10, 0));
            bool has_leader = leader != NULL && leader->space != NULL;
            const struct task *parent = has_leader ? leader : gone;
            if (parent->space != NULL) {
                adopt(task, parent, has_leader ? CLONE_VM | CLONE_SIGHAND : 0);
            }
        }
    }
}

static void on_end(struct tracer *tracer, pid_t tid)
{
    struct task *task = task_find(tracer, tid);
    if (task != NULL) {
        adopt_orphans(tracer, task);
        task_remove(tracer, tid);
    }
    if (tid == tracer->root && tracer->report_fd >= 0) {
        if (tracer->options.is_verbose) {
            task_report(tracer,
                        "%" G_GUINT64_FORMAT " CPUID instructions answered, %" G_GUINT64_FORMAT
                        " replaced, %" G_GUINT64_FORMAT " undecided, %" G_GUINT64_FORMAT " stops",
                        tracer->counts.answered, tracer->counts.replaced, tracer->counts.undecided,
                        tracer->counts.stops);
        }
        // Who reads the program's messages must not wait for its children's tracer.
        close(tracer->report_fd);
        tracer->report_fd = -1;
    }
}

void tracer_run(struct tracer *tracer)
{
    for (;;) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0 && errno != EINTR) {
            return;
        }
        if (tid > 0 && WIFSTOPPED(status)) {
            on_stop(tracer, task_get(tracer, tid), status);
        } else if (tid > 0) {
            on_end(tracer, tid);
        }
    }
}
