// SPDX-License-Identifier: LGPL-2.1-or-later
/// The programs that are measured, and what the paper said of them.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "base/record.h"

enum workload_step {
    WORKLOAD_PREPARE, ///< once, outside the timing and the definition, and refuses what could not
                      ///< run; may print a file that it needs
    WORKLOAD_RUN,     ///< under the definition; its last line is the result
    WORKLOAD_CHECK,   ///< outside the definition; its result's verification is the sample's
    WORKLOAD_STEPS,
};

/// A failure of a workload of which the cause is known.
struct workload_known {
    const char *reason;         ///< how its reason begins
    const char *const *models;  ///< of definitions under which it is that, NULL-terminated
    const char *const *vendors; ///< of processors, as /proc/cpuinfo has them
    const char *words;          ///< the cause, a sentence
};

/// A row of the table of workloads.
struct workload_kind {
    const char *name;
    const char *const *steps[WORKLOAD_STEPS]; ///< argv with placeholders, NULL: no such step
    const char *const *needs; ///< programs that these run, and folders ("/…") that they load from:
                              ///< what a guest must have; NULL: nothing
    const char *const *quick; ///< arguments of `bench --quick`
    const char *figure;       ///< the one that is drawn
    bool is_higher_better;
    const char *const *details; ///< the members of "details" or "verification" that name the code
                                ///< path taken, the present one and those of older versions; NULL:
                                ///< none
    const char *library;        ///< the one that names the library which took it, or NULL
    const char *detail_name;    ///< the same for people
    const char *title;          ///< of the figure
    const struct workload_known *known; ///< NULL: none
    const char *paper;                  ///< the paper's figure, "Figure 4"
    const char *paper_words;            ///< tuned to default, in its words
};

/// The row of this name; NULL for the user's own program.
const struct workload_kind *workload_find_kind(const char *name);

/// The rows in the order of the paper's figures.
const struct workload_kind *workload_get_kinds(size_t *ret_count);

/// A workload as it was asked for.
typedef struct bench_workload {
    char *name;
    char **arguments; ///< added to every step's command; NULL-terminated
    char **command;   ///< the user's own program, timed as a whole; NULL for one of the table
} bench_workload;

/// As part of the settings.
extern const struct record workload_record;

/// One of the table, with the quick arguments or none. Unknown names are errors that list the
/// table.
int workload_new(const char *name, bool is_quick, bench_workload **ret_workload,
                 cpulift_error **err);

/// The user's own program: `line` is split as a shell would, but no shell runs it.
int workload_new_command(const char *line, bench_workload **ret_workload, cpulift_error **err);
void workload_free(void *workload);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(bench_workload, workload_free)

/// Adds arguments, split as a shell would.
int workload_add_arguments(bench_workload *workload, const char *line, cpulift_error **err);

/// The command of a step, its program found (see programs.h), its placeholders filled; NULL in
/// *ret_argv when the workload has no such step. `output` is a path that the workload may write to.
int workload_get_argv(const bench_workload *workload, enum workload_step step, unsigned vcpus,
                      const char *output, char ***ret_argv, cpulift_error **err);
