// SPDX-License-Identifier: LGPL-2.1-or-later
/// Completion: the shells' scripts (tools/completion) hand over the line as it stands, and what may
/// come next is found in the commands' own tables.
#pragma once

#include "cli/command.h"

/// Prints what may stand in the place of the last of `words` (`count` of them after the command's
/// name, at least one), a line for each: the word, and after a tab what it is. A line
/// ":files EXT…" asks the shell for files of these extensions (none: all), ":folders" for folders.
///
/// The kinds of value are the words of an option's place for it, and of the usage line: "kvm|qemu"
/// are values, FILE, DIR and so on files, and what the command's table `values` lists comes from
/// there.
void complete_print(const struct command *command, char **words, size_t count);
