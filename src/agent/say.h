// SPDX-License-Identifier: LGPL-2.1-or-later
/// The agent's log: lines on standard error, with the journal's levels where that is the journal.
#pragma once

#include <glib.h>

/// As syslog(3) counts.
enum say_level { SAY_ERROR = 3, SAY_WARNING = 4, SAY_NOTICE = 5 };

/// One line; what in it is not printable is replaced.
void say(enum say_level level, const char *format, ...) G_GNUC_PRINTF(2, 3);
