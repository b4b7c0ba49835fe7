// SPDX-License-Identifier: LGPL-2.1-or-later
/// Work that may hang, each piece in a child process of its own that is killed at its deadline.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/// The longest text that one piece of work may send.
#define JOBS_TEXT_MAX ((size_t)16 << 20)

enum jobs_end {
    JOBS_DONE, ///< the text is whole
    JOBS_LATE, ///< killed at its deadline
    JOBS_LOST, ///< the process crashed, sent too much or could not be started
};

struct jobs {
    size_t count;        ///< pieces of work
    size_t parallel;     ///< how many may run at the same time
    unsigned timeout_ms; ///< for each
    void *data;          ///< handed to both functions

    /// Runs in the child, which has no terminal and an empty standard input. Returns what the
    /// parent shall get, allocated.
    char *(*work)(void *data, size_t index);

    /// Called in the parent, in the order in which the pieces end. `text`, borrowed, is what `work`
    /// returned; JOBS_LOST: why; JOBS_LATE: NULL.
    void (*done)(void *data, size_t index, enum jobs_end end, const char *text, size_t len);
};

/// Runs all of them; returns when each has ended. The caller must not have started threads.
void jobs_run(const struct jobs *jobs);

/// For a child, before it becomes another program: it is killed when its parent ends, even where
/// that was before. `parent` is a pid_t *, as g_spawn's functions have it.
void jobs_tie(void *parent);

/// Waits for the end of a child, whatever signals come meanwhile: a caught one must not leave a
/// zombie, nor make its status unknown. `ret_status` may be NULL.
bool jobs_wait(pid_t pid, int *ret_status);
