// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/maps.h"

#include "mask/trace/memory.h"
#include "mask/trace/patch.h"
#include "mask/trace/watch.h"

#include <sys/mman.h>

/// Memory that is to be writable and executable at once is given as writable only, and watched. Not
/// by who is in a sandbox of its own making, where mprotect may be forbidden: programs that are
/// started in one need it before they begin; nor by who may not be looked into.
static bool is_watchable(const struct tracer *tracer, const struct task *task)
{
    const int both = PROT_WRITE | PROT_EXEC;
    const uint64_t *args = task->args;
    return tracer->options.is_jit_watched && task->space->is_64 && !task->space->is_released &&
           task->space->syscall_at != 0 && (args[2] & both) == both &&
           (args[3] & MAP_ANONYMOUS) != 0 && (args[3] & MAP_TYPE) == MAP_PRIVATE &&
           (args[3] & MAP_GROWSDOWN) == 0 && memory_is_open(task->tid);
}

static uint64_t round_up(uint64_t at)
{
    return (at + MEMORY_PAGE - 1) & ~(uint64_t)(MEMORY_PAGE - 1);
}

enum resume maps_map(struct tracer *tracer, struct task *task)
{
    task->image = NULL;
    if (!patch_is_needed(tracer, task)) {
        return RESUME_FREELY;
    }
    bool is_code = (task->args[2] & PROT_EXEC) != 0;
    if (is_code && !memory_is_open(task->tid)) {
        patch_report_closed(tracer, task);
    }
    if (!is_code) {
        uint64_t start = task->args[0], end = round_up(start + task->args[1]);
        bool is_over = (task->args[3] & MAP_FIXED) != 0 && space_has(task->space, start, end);
        return is_over ? RESUME_TO_CALL_END : RESUME_FREELY;
    }
    task->image = (task->args[3] & MAP_ANONYMOUS) == 0
                      ? patch_get_image(tracer, task, (int)task->args[4])
                      : NULL;
    if (is_watchable(tracer, task)) {
        task_set_argument(task, 2, task->args[2] & ~(uint64_t)PROT_EXEC);
    }
    bool is_shared_code = task->image != NULL && task->image->sites.code->len > 0 &&
                          (task->args[3] & MAP_TYPE) == MAP_SHARED &&
                          (task->args[2] & PROT_WRITE) == 0;
    if (is_shared_code && task->space->is_64) {
        // The file itself must not be changed, and the program cannot tell the difference.
        task_set_argument(task, 3, (task->args[3] & ~(uint64_t)MAP_TYPE) | MAP_PRIVATE);
    }
    return RESUME_TO_CALL_END;
}

void maps_map_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    if (task->space->is_64) {
        task_set_argument(task, 2, task->args[2]);
        task_set_argument(task, 3, task->args[3]);
    }
    if (result > -4096UL) {
        return;
    }
    uint64_t length = round_up(task->args[1]);
    space_forget(task->space, result, result + length);
    if (is_watchable(tracer, task)) {
        watch_add(&task->space->watch, result, result + length);
    } else if (task->image != NULL) {
        uint64_t unit = task->space->is_64 ? 1 : MEMORY_PAGE; // mmap2 counts pages
        patch_image(tracer, task, task->image, result, length, task->args[5] * unit);
    } else if ((task->args[3] & MAP_ANONYMOUS) == 0) {
        patch_range(tracer, task, result, result + length);
    }
}

/// Forgotten before it is gone: afterwards, another thread may have new memory there already. What
/// is refused for its arguments stays; one that fails for want of mappings has lost more than that.
enum resume maps_unmap(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    uint64_t start = task->args[0];
    if (start % MEMORY_PAGE == 0) {
        space_forget(task->space, start, round_up(start + task->args[1]));
    }
    return RESUME_FREELY;
}

enum resume maps_protect(struct tracer *tracer, struct task *task)
{
    bool is_code = (task->args[2] & PROT_EXEC) != 0;
    return is_code && patch_is_needed(tracer, task) ? RESUME_TO_CALL_END : RESUME_FREELY;
}

void maps_protect_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    uint64_t start = task->args[0], end = round_up(start + task->args[1]);
    if (result == 0) {
        watch_remove(task->space->watch, start, end);
        patch_range(tracer, task, start, end);
    }
}

/// Data is moved often and code never: without a site or a watch at either place there is nothing
/// to follow.
enum resume maps_remap(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    const uint64_t *args = task->args;
    bool is_code =
        space_has(task->space, args[0], args[0] + args[1]) ||
        ((args[3] & MREMAP_FIXED) != 0 && space_has(task->space, args[4], args[4] + args[2]));
    return is_code ? RESUME_TO_CALL_END : RESUME_FREELY;
}

void maps_remap_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    if (result > -4096UL) {
        return;
    }
    uint64_t start = task->args[0], length = round_up(task->args[1]);
    uint64_t now = round_up(task->args[2]), kept = MIN(length, now);
    bool is_watched = watch_has(task->space->watch, start, start + 1);
    if (result != start) {
        space_forget(task->space, result, result + now);
        space_move(task->space, start, kept, result);
        kept = 0;
    }
    space_forget(task->space, start + kept, start + length);
    if (is_watched) {
        watch_add(&task->space->watch, result, result + now);
    }
    patch_range(tracer, task, result, result + now);
}
