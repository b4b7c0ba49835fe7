// SPDX-License-Identifier: LGPL-2.1-or-later
/// The programs that this workload stands on: HandBrakeCLI, ffmpeg, ffprobe.
#pragma once

#include <stdio.h>

struct child_usage {
    double wall; ///< seconds
    double cpu;  ///< seconds, user and system, the child and its children
};

struct child {
    const char *const *argv;
    int in;    ///< its standard input, -1: empty
    FILE *out; ///< its standard output, NULL: /dev/null
    FILE *log; ///< its standard error, NULL: /dev/null
};

/// Opens the standard streams that were closed: what is opened later must not stand in their place.
void child_open_streams(void);

/// Starts it. Returns its process id, or -1 after saying on stderr what is missing and which
/// package has it.
int child_start(const struct child *child);

/// Waits for it. Returns its exit status, 128 and the signal when one ended it, -1 when waiting
/// failed. ret_usage may be NULL.
int child_wait(int pid, double started, struct child_usage *ret_usage);

/// Both.
int child_run(const struct child *child, struct child_usage *ret_usage);

/// Seconds of a clock that only goes forward.
double child_now(void);

/// Copies the last lines of a log that the child wrote to stderr, each after two blanks.
void child_print_log(FILE *log);
