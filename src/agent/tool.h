// SPDX-License-Identifier: LGPL-2.1-or-later
/// Other programs of this project, run beside the main loop: what the agent does, they can do, and
/// what they take of memory goes with them.
#pragma once

#include "base/error.h"

#include <stdbool.h>

/// What one may print at most: a document, and what it complains of.
#define TOOL_OUTPUT_MAX ((size_t)16 << 20)

struct tool_calls {
    /// It has ended. `why` NULL: with one of the statuses that are well (`is_well`), and printed
    /// `output`. Else it failed, was killed at its deadline or could not be run.
    void (*done)(void *data, int status, const char *output, size_t len, const char *why);
    bool (*is_well)(int status);
    void *data;
};

typedef struct tool tool;

/// Starts argv[0], which stands beside this program or where such programs are installed;
/// `done` is called once, never before this returns, and not after tool_free(). The caller's.
tool *tool_start(const char *const *argv, unsigned seconds, const struct tool_calls *calls);

/// Kills it if it still runs.
void tool_free(tool *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(tool, tool_free)
