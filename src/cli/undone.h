// SPDX-License-Identifier: LGPL-2.1-or-later
/// What `rollback` prints, of files and of definitions.
#pragma once

#include <glib.h>
#include <stdbool.h>

struct undone {
    GPtrArray *actions; ///< char *: "/etc/x: restored"; freed with it
    GString *diff;
    const char *then; ///< what is to be done after it, a line; "": nothing
    bool is_committed;
};

/// A text for people or a JSON document. The caller's.
char *undone_format(const struct undone *undone, bool is_json);
