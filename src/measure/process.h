// SPDX-License-Identifier: LGPL-2.1-or-later
/// One program, run on chosen CPUs with a deadline, its output kept and its cost counted.
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct process_options {
    char **argv;        ///< argv[0] is a path or looked up in PATH
    char **environment; ///< NULL: this one
    unsigned cpus;      ///< it may use the first so many of this process's CPUs; 0: all
    unsigned timeout;   ///< seconds until it is killed; 0: none
    const char *folder; ///< where it works; NULL: here
};

typedef struct process_outcome {
    int status;       ///< exit status, or 128 and the signal
    bool is_timeout;  ///< the deadline passed and it was killed
    double wall, cpu; ///< seconds; cpu: it and the children it waited for, user and system
    char *output;     ///< standard output, at most PROCESS_OUTPUT_MAX bytes of its end
    char *errors;     ///< standard error, at most 8 KiB of its end
    char *complaint;  ///< why it failed, as standard error says it: the last line that one of our
                      ///< workloads begins with its name, else the last one; printable; "": none
} process_outcome;

#define PROCESS_OUTPUT_MAX ((size_t)1 << 20)

/// Runs it to its end. A program that fails is no error here: see the outcome, which is the
/// caller's to clear. CPULIFT_EREFUSED: process_is_interrupted, and the program is dead.
int process_run(const struct process_options *options, process_outcome *ret_outcome,
                cpulift_error **err);
void process_clear(process_outcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(process_outcome, process_clear)

/// How many CPUs this process may use.
unsigned process_count_cpus(void);

/// From now on SIGINT and SIGTERM end the running program and make process_run fail, rather than
/// end this process at once.
void process_catch_signals(void);
bool process_is_interrupted(void);
