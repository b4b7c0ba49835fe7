// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the table of a command says of the values of its options, and what may be meant by a word
/// that is none.
#pragma once

#include "cli/command.h"

/// Refuses an option's value or an argument that is empty, as an unset variable of a script leaves
/// it. Returns 0 or EXIT_USAGE.
int check_empty(const struct command *command, char *const *arguments, size_t count);

/// Refuses a VERSION or a PATTERN that is none, and the value of an option whose values are all
/// told: "kvm|qemu", or a kind of the command's `values` that is closed. Returns 0 or EXIT_USAGE.
int check_values(const struct command *command);

/// Refuses `value` for `option`, with what there is (NULL-terminated) and what may be meant.
/// Returns EXIT_USAGE.
int check_refuse(const struct command *command, const char *option, const char *value,
                 const char *const *names);

/// Refuses a value for an option that takes none: GOption takes "--commit=no" for "--commit".
/// `words` are the command's own, up to "--" or `count`. Returns 0 or EXIT_USAGE.
int check_flags(const struct command *command, char *const *words, size_t count);

/// " (did you mean '--policy'?)" for GOption's message about an option that the command has not,
/// else "". The caller frees it.
char *check_suggest_option(const struct command *command, const char *message);
