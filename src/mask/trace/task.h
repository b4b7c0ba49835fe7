// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the tracer knows: of itself, and of each thread that it traces.
#pragma once

#include "mask/cpu/table.h"
#include "mask/look/image.h"
#include "mask/trace/signals.h"
#include "mask/trace/space.h"

#include <signal.h>
#include <sys/types.h>

/// The call number that the program's process makes before it starts, to learn if int 0x80 works.
#define TRACER_TRIAL 0x7ffffff0L

struct tracer_options {
    bool is_verbose;     ///< counts to the report when the program ends
    bool is_jit_watched; ///< watch memory that is writable and executable
    bool is_faulting;    ///< the kernel makes CPUID fault: nothing is replaced
};

/// How a thread that stopped goes on.
enum resume {
    RESUME_FREELY,
    RESUME_TO_CALL_END, ///< stops again at the end of the system call
};

/// A thread of the program.
struct task {
    struct space *space;               ///< NULL until its parent's stop tells
    struct signals *signals;           ///< NULL as long
    struct image *image;               ///< of the file that it maps, borrowed
    size_t pending;                    ///< enum filter_reason of the call it is in, or 0
    uint64_t nr, args[6], stack;       ///< of that call, as the program made it
    uint64_t blocked;                  ///< signals, when it last stopped for a call
    uint64_t opened_start, opened_end; ///< its call has become one that opens this, 0: it has not
    uint64_t fault_rip, fault_addr;    ///< of the fault that was tried again last, or 0
    struct signal_action action;       ///< that it sets in its call
    siginfo_t aside; ///< signal to be sent again when its fault is answered; si_signo 0: none
    pid_t tid;
    bool is_held;       ///< stopped until its parent's stop tells
    bool is_legacy;     ///< the call that it is in is the 32-bit interface's
    bool is_open_again; ///< its next open is the one that our file was refused to
    bool is_real;       ///< its CPUID does not fault: it shows the real CPU
};

struct tracer {
    const struct mask_table *table;
    struct tracer_options options;
    struct image_store *images;
    GHashTable *tasks;    ///< tid → struct task
    pid_t root;           ///< the process that the caller started
    enum trap_kind trap;  ///< for 64-bit programs
    GHashTable *reported; ///< what has been reported once
    int report_fd;        ///< where messages go, -1: nowhere any more
    int cpuinfo_fd;       ///< what programs are to read as /proc/cpuinfo, -1: the real one
    struct {
        uint64_t answered, stops, replaced, undecided;
    } counts;
};

/// The table of threads, which it owns.
GHashTable *task_table_new(void);

/// NULL where there is none.
struct task *task_find(const struct tracer *tracer, pid_t tid);

/// Makes it where there is none.
struct task *task_get(struct tracer *tracer, pid_t tid);

/// Forgets it.
void task_remove(struct tracer *tracer, pid_t tid);

/// One of a stopped thread's registers: `offset` is its place in struct user_regs_struct.
void task_set_register(const struct task *task, size_t offset, uint64_t value);

/// An argument of the call that a stopped thread is in.
void task_set_argument(const struct task *task, int index, uint64_t value);

/// Lets a thread that stands at the end of its call make that once more. False where it is gone.
bool task_repeat_call(const struct task *task);

/// One line to the report, if there is room for it.
void task_report(const struct tracer *tracer, const char *format, ...) G_GNUC_PRINTF(2, 3);
