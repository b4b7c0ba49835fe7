// SPDX-License-Identifier: LGPL-2.1-or-later
/// A shell's file that scripts source, as far as it must be known to say whether a line of it runs:
/// OpenNebula's kvmrc, an operator's own file.
#pragma once

#include <glib.h>
#include <stdbool.h>

/// True where a shell that sources `text` surely runs `line`, which ends in a newline, as a command
/// of its own. One in a comment, a string, a here-document, a function or behind a condition is not
/// such, nor one behind a return that may be reached.
bool kvmrc_runs(const char *text, const char *line);

/// Adds the line, if kvmrc_runs() does not find it: at the end, or, where the shell would not
/// surely come that far, at the beginning.
void kvmrc_add(GString *text, const char *line);
