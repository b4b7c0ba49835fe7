// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/fill.h"

#include "mask/trace/filter.h"
#include "mask/trace/inject.h"
#include "mask/trace/memory.h"
#include "mask/trace/patch.h"
#include "mask/trace/watch.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/utsname.h>

/// What a call is told of the memory that it fills.
enum shape {
    SHAPE_BUFFER, ///< its size is another argument
    SHAPE_STRUCT, ///< its size is known
    SHAPE_VECTOR, ///< an array of struct iovec, its length the next argument
    SHAPE_MESSAGE ///< a struct msghdr, with such an array
};

static const struct call {
    uint32_t nr;
    unsigned argument; ///< which says where
    enum shape shape;
    unsigned size; ///< of a buffer: which argument; of a struct: in bytes
} calls[] = {
    {SYS_read, 1, SHAPE_BUFFER, 2},
    {SYS_pread64, 1, SHAPE_BUFFER, 2},
    {SYS_recvfrom, 1, SHAPE_BUFFER, 2},
    {SYS_getrandom, 0, SHAPE_BUFFER, 1},
    {SYS_getdents64, 1, SHAPE_BUFFER, 2},
    {SYS_getcwd, 0, SHAPE_BUFFER, 1},
    {SYS_readlink, 1, SHAPE_BUFFER, 2},
    {SYS_readlinkat, 2, SHAPE_BUFFER, 3},
    {SYS_readv, 1, SHAPE_VECTOR, 0},
    {SYS_preadv, 1, SHAPE_VECTOR, 0},
    {SYS_preadv2, 1, SHAPE_VECTOR, 0},
    {SYS_process_vm_readv, 1, SHAPE_VECTOR, 0},
    {SYS_recvmsg, 1, SHAPE_MESSAGE, 0},
    {SYS_stat, 1, SHAPE_STRUCT, sizeof(struct stat)},
    {SYS_fstat, 1, SHAPE_STRUCT, sizeof(struct stat)},
    {SYS_lstat, 1, SHAPE_STRUCT, sizeof(struct stat)},
    {SYS_newfstatat, 2, SHAPE_STRUCT, sizeof(struct stat)},
    {SYS_statx, 4, SHAPE_STRUCT, sizeof(struct statx)},
    {SYS_clock_gettime, 1, SHAPE_STRUCT, sizeof(struct timespec)},
    {SYS_pipe, 0, SHAPE_STRUCT, 2 * sizeof(int)},
    {SYS_pipe2, 0, SHAPE_STRUCT, 2 * sizeof(int)},
    {SYS_socketpair, 3, SHAPE_STRUCT, 2 * sizeof(int)},
    {SYS_wait4, 1, SHAPE_STRUCT, sizeof(int)},
    {SYS_uname, 0, SHAPE_STRUCT, sizeof(struct utsname)},
};

/// An array of parts that is longer is refused by the kernel: UIO_MAXIOV.
#define PARTS_MAX 1024

/// A process that has memory at many places gets filters for few of them, each for more around it
/// and the last for all: its calls then stop wherever they write.
#define PAD ((uint64_t)64 << 10)

static void add_vector(const struct task *task, uint64_t at, uint64_t count, GArray *parts)
{
    unsigned len = (unsigned)MIN(count, PARTS_MAX);
    g_array_set_size(parts, len);
    size_t got = memory_read(task->tid, at, parts->data, len * sizeof(struct iovec));
    g_array_set_size(parts, (unsigned)(got / sizeof(struct iovec)));
}

static void add_message(const struct task *task, uint64_t at, GArray *parts)
{
    struct msghdr message;
    if (memory_read(task->tid, at, &message, sizeof message) == sizeof message) {
        add_vector(task, (uint64_t)(uintptr_t)message.msg_iov, message.msg_iovlen, parts);
    }
}

/// The memory that the task's call fills. Array of struct iovec, the caller's.
static GArray *list_parts(const struct task *task)
{
    GArray *parts = g_array_new(FALSE, TRUE, sizeof(struct iovec));
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        const struct call *call = &calls[i];
        uint64_t at = task->args[call->argument];
        if (call->nr != task->nr) {
            continue;
        }
        if (call->shape == SHAPE_VECTOR) {
            add_vector(task, at, task->args[call->argument + 1], parts);
        } else if (call->shape == SHAPE_MESSAGE) {
            add_message(task, at, parts);
        } else {
            bool is_buffer = call->shape == SHAPE_BUFFER;
            struct iovec part = {(void *)(uintptr_t)at,
                                 is_buffer ? task->args[call->size] : call->size};
            g_array_append_val(parts, part);
        }
    }
    return parts;
}

/// The protection of a page under watch that has been executed.
#define CLOSED (PROT_READ | PROT_EXEC)

/// The first such page of [start, end), 0 if there is none.
static uint64_t find_closed(const struct task *task, uint64_t start, uint64_t end)
{
    if (!watch_has(task->space->watch, start, end)) {
        return 0;
    }
    g_autoptr(GArray) maps = memory_read_maps(task->tid, start, end);
    for (unsigned i = 0; i < maps->len; i++) {
        const struct mapping *mapping = &g_array_index(maps, struct mapping, i);
        uint64_t page = MAX(mapping->start, start & ~(uint64_t)(MEMORY_PAGE - 1));
        for (; page < MIN(mapping->end, end) && mapping->prot == CLOSED; page += MEMORY_PAGE) {
            if (watch_has(task->space->watch, page, page + 1)) {
                return page;
            }
        }
    }
    return 0;
}

/// The same of all that the task's call fills. *ret_watched: whether any of that is under watch.
static uint64_t find_any_closed(const struct task *task, bool *ret_watched)
{
    g_autoptr(GArray) parts = list_parts(task);
    uint64_t page = 0;
    *ret_watched = false;
    for (unsigned i = 0; i < parts->len && page == 0; i++) {
        const struct iovec *part = &g_array_index(parts, struct iovec, i);
        uint64_t start = (uint64_t)(uintptr_t)part->iov_base, end = start + part->iov_len;
        *ret_watched |= end > start && watch_has(task->space->watch, start, end);
        page = end > start ? find_closed(task, start, end) : 0;
    }
    return page;
}

/// The call becomes one that changes the protection of memory; after that it is made again.
static void open_memory(struct task *task, uint64_t start, uint64_t end, int prot)
{
    task_set_register(task, offsetof(struct user_regs_struct, orig_rax), SYS_mprotect);
    task_set_argument(task, 0, start);
    task_set_argument(task, 1, end - start);
    task_set_argument(task, 2, (uint64_t)prot);
    task->opened_start = start;
    task->opened_end = end;
}

/// The first part of [start, end) that has a protection as we give it: also once more, where
/// another thread's fault was answered meanwhile.
static bool find_ours(pid_t tid, uint64_t *start, uint64_t *end)
{
    g_autoptr(GArray) maps = memory_read_maps(tid, *start, *end);
    for (unsigned i = 0; i < maps->len; i++) {
        const struct mapping *mapping = &g_array_index(maps, struct mapping, i);
        if (mapping->prot == (PROT_READ | PROT_WRITE) || mapping->prot == CLOSED) {
            *start = MAX(*start, mapping->start);
            *end = MIN(*end, mapping->end);
            return true;
        }
    }
    return false;
}

bool fill_release(struct task *task)
{
    uint64_t start, end;
    while (watch_get_any(task->space->watch, &start, &end)) {
        uint64_t from = start, to = end;
        if (find_ours(task->tid, &from, &to)) {
            open_memory(task, from, to, PROT_READ | PROT_WRITE | PROT_EXEC);
            return true;
        }
        watch_release(task->space->watch, start, end);
    }
    return false;
}

enum resume fill_begin(struct tracer *tracer, struct task *task)
{
    (void)tracer;
    bool is_watched;
    uint64_t page = find_any_closed(task, &is_watched);
    enum watch_verdict verdict =
        page == 0 ? WATCH_NOT_OURS : watch_judge(task->space->watch, page, CLOSED, false, true);
    if (verdict != WATCH_NOT_OURS) {
        open_memory(task, page, page + MEMORY_PAGE, watch_get_protection(verdict));
    }
    return is_watched ? RESUME_TO_CALL_END : RESUME_FREELY;
}

/// What the task's call was before open_memory, to be made again. False where it was that already.
static bool restore_call(struct task *task, uint64_t *ret_start, uint64_t *ret_end)
{
    *ret_start = task->opened_start;
    *ret_end = task->opened_end;
    task->opened_start = task->opened_end = 0;
    for (int i = 0; i < 3 && *ret_end != 0; i++) {
        task_set_argument(task, i, task->args[i]);
    }
    return *ret_end != 0;
}

void fill_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    (void)tracer;
    uint64_t start, end;
    bool is_watched;
    // While it waited for what it was to write, another thread may have executed the page.
    if (restore_call(task, &start, &end) ||
        (result == (uint64_t)-EFAULT && find_any_closed(task, &is_watched) != 0)) {
        task_repeat_call(task);
    }
}

void fill_release_end(struct tracer *tracer, struct task *task, uint64_t result)
{
    uint64_t start, end;
    if (restore_call(task, &start, &end)) {
        patch_range(tracer, task, start, end);
        if (result != 0) {
            watch_release(task->space->watch, start, end); // it is not tried for ever
        }
        task_repeat_call(task);
    }
}

/// Puts the filter into a page of the task's own, and has it installed for all threads of the
/// process.
static bool install(const struct task *task, uint64_t first, uint64_t last)
{
    const uint64_t map[6] = {
        0, MEMORY_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0};
    struct {
        struct sock_fprog head;
        struct sock_filter code[FILTER_FILL_SIZE(G_N_ELEMENTS(calls))];
    } program;
    G_STATIC_ASSERT(sizeof program <= MEMORY_PAGE);
    struct filter_fill rows[G_N_ELEMENTS(calls)];
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        bool is_direct = calls[i].shape == SHAPE_BUFFER || calls[i].shape == SHAPE_STRUCT;
        rows[i] = (struct filter_fill){calls[i].nr, calls[i].argument, is_direct ? first : 0,
                                       is_direct ? last : UINT64_MAX};
    }
    long at, result = -1, ignored;
    if (!inject_call(task->tid, task->space->syscall_at, SYS_mmap, map, &at) || at <= 0) {
        return false;
    }
    program.head = (struct sock_fprog){
        filter_fill_make(rows, G_N_ELEMENTS(calls), program.code),
        (struct sock_filter *)(uintptr_t)((uint64_t)at + offsetof(__typeof__(program), code))};
    const uint64_t args[6] = {SECCOMP_SET_MODE_FILTER,
                              SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                              (uint64_t)at};
    const uint64_t unmap[6] = {(uint64_t)at, MEMORY_PAGE};
    bool is_done = memory_write(task->tid, (uint64_t)at, &program, sizeof program) &&
                   inject_call(task->tid, task->space->syscall_at, SYS_seccomp, args, &result);
    inject_call(task->tid, task->space->syscall_at, SYS_munmap, unmap, &ignored);
    return is_done && result == 0;
}

static bool is_prepared(const struct space_fills *fills, uint64_t addr)
{
    for (unsigned i = 0; i < fills->count; i++) {
        if (addr >= fills->ranges[i].first && addr <= fills->ranges[i].last) {
            return true;
        }
    }
    return false;
}

void fill_prepare(struct tracer *tracer, const struct task *task, uint64_t addr)
{
    struct space_fills *fills = &task->space->fills;
    if (is_prepared(fills, addr)) {
        return;
    }
    uint64_t start, end;
    watch_get_area(task->space->watch, addr, &start, &end);
    uint64_t pad = PAD << 2 * fills->count;
    bool is_last = fills->count == G_N_ELEMENTS(fills->ranges) - 1;
    uint64_t first = is_last ? 0 : start - MIN(start, pad);
    uint64_t last = is_last ? UINT64_MAX : end - 1 + MIN(UINT64_MAX - end, pad);
    if (!task->space->is_sandboxed && !fills->is_refused && install(task, first, last)) {
        fills->ranges[fills->count].first = first;
        fills->ranges[fills->count++].last = last;
        return;
    }
    fills->is_refused = true;
    if (g_hash_table_add(tracer->reported, g_strdup("fill"))) {
        task_report(tracer,
                    "process %d: system calls that write into memory which it has executed fail "
                    "there with EFAULT (%s); with --no-jit they do not",
                    task->tid,
                    task->space->is_sandboxed ? "it is in a seccomp sandbox"
                                              : "the kernel takes no filter for them");
    }
}
