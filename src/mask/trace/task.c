// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/task.h"

#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static gpointer to_key(pid_t tid)
{
    return GINT_TO_POINTER(tid);
}

static void free_task(void *pointer)
{
    struct task *task = pointer;
    space_unref(task->space);
    signals_unref(task->signals);
    g_free(task);
}

GHashTable *task_table_new(void)
{
    return g_hash_table_new_full(NULL, NULL, NULL, free_task);
}

struct task *task_find(const struct tracer *tracer, pid_t tid)
{
    return g_hash_table_lookup(tracer->tasks, to_key(tid));
}

struct task *task_get(struct tracer *tracer, pid_t tid)
{
    struct task *task = task_find(tracer, tid);
    if (task == NULL) {
        task = g_new0(struct task, 1);
        task->tid = tid;
        g_hash_table_insert(tracer->tasks, to_key(tid), task);
    }
    return task;
}

void task_remove(struct tracer *tracer, pid_t tid)
{
    g_hash_table_remove(tracer->tasks, to_key(tid));
}

void task_set_register(const struct task *task, size_t offset, uint64_t value)
{
    ptrace(PTRACE_POKEUSER, task->tid, (void *)(uintptr_t)offset, (void *)(uintptr_t)value);
}

void task_set_argument(const struct task *task, int index, uint64_t value)
{
    static const size_t offsets[] = {
        offsetof(struct user_regs_struct, rdi), offsetof(struct user_regs_struct, rsi),
        offsetof(struct user_regs_struct, rdx), offsetof(struct user_regs_struct, r10),
        offsetof(struct user_regs_struct, r8),  offsetof(struct user_regs_struct, r9),
    };
    task_set_register(task, offsets[index], value);
}

/// The instruction that makes a system call, in bytes.
#define SYSCALL_LENGTH 2

bool task_repeat_call(const struct task *task)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, task->tid, 0, &regs) != 0) {
        return false;
    }
    regs.rax = task->nr;
    regs.rip -= SYSCALL_LENGTH;
    return ptrace(PTRACE_SETREGS, task->tid, 0, &regs) == 0;
}

void task_report(const struct tracer *tracer, const char *format, ...)
{
    // A pipe that is full is not waited for: its reader may be waiting for the program.
    struct pollfd room = {.fd = tracer->report_fd, .events = POLLOUT};
    if (tracer->report_fd < 0 || poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) {
        return;
    }
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    dprintf(tracer->report_fd, "cpulift run: %s\n", text);
}
