// SPDX-License-Identifier: LGPL-2.1-or-later
/// The list of a pool's hosts: on each line "URI" or "NAME URI"; what follows '#' at a word's begin
/// is a comment.
#pragma once

#include "base/error.h"

struct hosts_entry {
    char *name; ///< NULL: what the host calls itself
    char *uri;
};

/// Appends the entries (struct hosts_entry *) of a file's text to `entries`. `where` stands in
/// messages.
int hosts_file_parse(GPtrArray *entries, const char *text, const char *where, cpulift_error **err);

/// An array that owns its entries.
GPtrArray *hosts_file_new(void);

/// The names of the list (strings, owned). A host that is listed without one is an error.
/// *ret_names is the caller's.
int hosts_file_load_names(const char *path, GPtrArray **ret_names, cpulift_error **err);
