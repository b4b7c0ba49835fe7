// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a guest's serial line says of the commands that ran in it; see workloads/guest/init.c.
#pragma once

#include <glib.h>
#include <stdbool.h>

struct console_command {
    int status;       ///< exit status, 128 and the signal, or -1: it never ended
    double wall, cpu; ///< seconds, by the guest's clock
    char *output;     ///< owned
    char *said;       ///< the end of its standard error when it failed, owned; "" when none
};

/// Parses the line's text, which the guest could have filled with anything. Returns an array of
/// struct console_command. *ret_is_done (may be NULL): the guest came to its end.
GPtrArray *console_parse(const char *text, bool *ret_is_done);
