// SPDX-License-Identifier: LGPL-2.1-or-later
/// Dates as documents have them.
#pragma once

#include <glib.h>
#include <stdbool.h>

/// "2026-11-26T15:40:00Z", and nothing else, in seconds since 1970; false, and 0, where it is no
/// such date.
bool date_parse(const char *text, gint64 *ret_seconds);

/// The caller frees it.
char *date_format(gint64 seconds);

/// "90s", "15m", "36h" or "30d" in seconds; 0 where it is none of these, none at all, or more than
/// 100 years.
gint64 date_parse_age(const char *text);
