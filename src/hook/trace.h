// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a hook leaves behind when it lets a guest start untuned: a line in a file that
/// `cpulift status` counts. Hooks fail open, and their callers throw their messages away.
#pragma once

/// Beyond this the file is left alone: a fault that repeats at every start must not fill a disk.
#define TRACE_MAX (1 << 20)

/// Names the file for the lines of this process; `role` must live as long as the process.
void trace_set_file(const char *path, const char *role);

/// The folder of that file, where a hook may keep what it found out; "" before it is named.
const char *trace_get_folder(void);

/// Adds "TIME ROLE GUEST: why". A file that cannot be written is passed over in silence.
void trace_write(const char *guest, const char *why);

/// Adds "TIME ROLE GUEST: note: what": the guest was tuned, but an operator should know. Once for
/// each guest, and only while most of the file is left for what fails.
void trace_note(const char *guest, const char *what);

/// After `seconds` the process leaves a line and ends with `status`: whoever waits for a hook waits
/// for ever.
void trace_watch(unsigned seconds, int status);

/// From now on the guest must not start untuned: the process that is late says so on standard error
/// and ends with `status`.
void trace_be_strict(int status);
