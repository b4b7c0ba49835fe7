// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/open.h"

#include "mask/trace/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

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

enum resume open_begin(struct tracer *tracer, struct task *task)
{
    bool has_folder = task->nr != SYS_open, is_again = task->is_open_again;
    int argument = has_folder ? 1 : 0, folder = has_folder ? (int)task->args[0] : AT_FDCWD;
    task->is_open_again = false;
    if (tracer->cpuinfo_fd < 0 || is_again || !is_cpuinfo(task, task->args[argument], folder)) {
        return RESUME_FREELY;
    }
    uint64_t at = write_replacement(tracer, task, task->stack);
    if (at == 0) {
        return RESUME_FREELY;
    }
    task_set_argument(task, argument, at);
    return RESUME_TO_CALL_END;
}

void open_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    // Both calls are told apart by nothing that is left; restoring both registers is harmless.
    task_set_argument(task, 0, task->args[0]);
    task_set_argument(task, 1, task->args[1]);
    // Another user, or another pid namespace: our file is not to be had there. No program must
    // fail for that.
    if (result == (uint64_t)-EACCES || result == (uint64_t)-ENOENT) {
        task->is_open_again = task_repeat_call(task);
        if (g_hash_table_add(tracer->reported, g_strdup("cpuinfo"))) {
            task_report(tracer,
                        "process %d runs as another user or in another namespace: "
                        "/proc/cpuinfo shows it the real CPU",
                        task->tid);
        }
    }
}
