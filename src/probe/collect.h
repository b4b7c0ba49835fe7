// SPDX-License-Identifier: LGPL-2.1-or-later
/// What both ways of starting the guest share: its image, its command line, and reading what it
/// prints until it ends, falls silent or runs out of time.
#pragma once

#include "base/error.h"
#include "core/plan.h"
#include "probe/shape.h"
#include "probe/start.h"

#include <stdbool.h>

/// The image for this plan: 64-bit where its CPU has long mode. Borrowed.
const unsigned char *collect_get_image(const cpulift_plan *plan, size_t *ret_size);

/// The guest's command line for one record, or the kernel's. The caller frees it.
char *collect_format_line(const cpulift_plan *plan, const struct start_kernel *kernel,
                          const probe_shape *shape);

/// How much memory the guest needs, in MiB.
unsigned collect_get_memory(const struct start_kernel *kernel);

/// Time that is left until `end` (monotonic, microseconds), in ms, never negative.
int collect_left_ms(gint64 end);

/// When what a guest prints is whole, and when it is too much.
struct collect_end {
    bool (*has_end)(const char *text, size_t len);
    size_t max;
    unsigned silence_ms; ///< once it has begun, this long a silence is its end
};

/// Of the probe guest and of a kernel.
const struct collect_end *collect_get_end(const struct start_kernel *kernel);

struct collect {
    const struct collect_end *what;
    /// Waits for more of what the guest prints, at most `timeout_ms`, and appends it to `text`.
    /// Returns 1: something came, 0: nothing yet, -1: nothing will come any more.
    int (*receive)(void *source, int timeout_ms, GString *text);
    void *source;
    gint64 end;                           ///< monotonic time in microseconds at which to give up
    const char *(*find_stop)(void *data); ///< asked a few times a second, may be NULL: why the
                                          ///< guest cannot go on, or NULL
    void *data;
};

/// Reads until what the guest prints ends. *ret_hang is NULL then, else what happened instead (the
/// caller frees it). Whatever was read is appended to `text`.
void collect_read(const struct collect *collect, GString *text, char **ret_hang);

/// A `receive` that reads a file descriptor; `source` is a pointer to it.
int collect_receive_fd(void *source, int timeout_ms, GString *text);
