// SPDX-License-Identifier: LGPL-2.1-or-later
/// How a hook ends that could not do its work: a line in a file that `cpulift status` counts, since
/// hooks' callers throw their messages away, and the status that leaves the guest as it was made,
/// or, where the operator was strict, stops it.
#pragma once

#include <stdbool.h>

/// Beyond this the file is left alone: a fault that repeats at every start must not fill a disk.
#define TRACE_MAX (1 << 20)

/// What a platform makes of a hook's answer.
struct trace_role {
    const char *name;
    int leave;      ///< the status that leaves a guest as it was made
    int stop;       ///< the status that stops it
    bool is_answer; ///< whatever is on standard output is started: a stop is said there, as a
                    ///< document that libvirt refuses with the reason
};

/// Names the role and the file for the lines of this process; `role` must live as long as it.
void trace_begin(const struct trace_role *role, const char *path);

/// The folder of that file, where a hook may keep what it found out; "" before it is named.
const char *trace_get_folder(void);

/// From now on a guest that cannot be tuned must not start.
void trace_be_strict(void);

/// Adds "TIME ROLE GUEST: why", or "…: stopped: why", and returns the status to end with. A file
/// that cannot be written is passed over in silence.
int trace_fail(const char *guest, const char *why);

/// Says to who started the guest why it does not start, and returns the status that stops it.
int trace_stop(const char *guest, const char *why);

/// Adds "TIME ROLE GUEST: note: what": the guest was tuned, but an operator should know. Once for
/// each guest, and only while most of the file is left for what fails.
void trace_note(const char *guest, const char *what);

/// After `seconds` the process fails as trace_fail() does and ends: whoever waits for a hook waits
/// for ever.
void trace_watch(unsigned seconds);
