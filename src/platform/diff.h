// SPDX-License-Identifier: LGPL-2.1-or-later
/// Unified diffs of texts.
#pragma once

#include <glib.h>
#include <stddef.h>

/// Appends the difference of two texts as `diff -u` prints it, three lines of context, with
/// "a/`name`" and "b/`name`" in the header; NULL stands for a file that does not exist. Equal texts
/// append nothing. Texts with NUL bytes are only said to differ.
void diff_format(GString *out, const char *name, const char *before, size_t before_len,
                 const char *after, size_t after_len);
