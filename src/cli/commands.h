// SPDX-License-Identifier: LGPL-2.1-or-later
/// The commands, one per cmd_NAME.c.
#pragma once

#include "cli/command.h"

#define COMMAND(name, program, summary) extern const struct command name##_command;
#include "cli/commands.def"
#undef COMMAND
