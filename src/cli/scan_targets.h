// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whom `scan` asks.
#pragma once

#include "base/error.h"

struct scan_target {
    char *name; ///< what the host shall be called; NULL: what it calls itself
    char *uri;  ///< NULL: whatever answers on this machine
};

/// An array of struct scan_target * that owns them.
GPtrArray *scan_targets_new(void);

/// Adds one; both are copied and may be NULL.
void scan_targets_add(GPtrArray *targets, const char *name, const char *uri);

/// Adds those of a file's text: on each line "URI" or "NAME URI"; what follows '#' at a word's
/// begin is a comment. `where` stands in messages.
int scan_targets_parse(GPtrArray *targets, const char *text, const char *where,
                       cpulift_error **err);

/// What messages call it. Borrowed.
const char *scan_targets_to_string(const struct scan_target *target);
