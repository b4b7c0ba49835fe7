// SPDX-License-Identifier: LGPL-2.1-or-later
/// `explain --security`: what guests of a plan believe of their CPU, beside their hosts.
#pragma once

#include <glib.h>
#include <stdbool.h>

/// `arguments` are the plan and the places of the hosts' documents; `kernel` is a name of
/// protection_get_kernel_name(), NULL: the newest; `html` is where a page goes, NULL: nowhere.
/// Prints, and returns the exit status.
int explain_security_run(char **arguments, size_t count, const char *kernel, const char *html,
                         bool is_json);

/// The kernels' names, for struct command_values.
void explain_security_add_kernels(const char *const *arguments, size_t count, GPtrArray *names);
