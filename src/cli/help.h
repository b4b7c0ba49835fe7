// SPDX-License-Identifier: LGPL-2.1-or-later
/// `--help` of a command, made of its table.
#pragma once

#include "cli/command.h"

/// Prints it to standard output, in the width of the terminal, 80 columns where there is none.
void help_print(const struct command *command);

/// Prints `text` so, from its first column on.
void help_print_text(const char *text, FILE *to);
