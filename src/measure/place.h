// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where a workload runs: as a process of this machine, or in a guest. The seam of the runner.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "measure/result.h"
#include "measure/settings.h"
#include "measure/workload.h"

/// One sample to be made.
struct job {
    const bench_workload *workload;
    const bench_definition *definition;
    unsigned vcpus;
    unsigned timeout;   ///< seconds
    char **environment; ///< cleaned
    const char *folder; ///< for temporary files, this series' own
    const char *output; ///< folder for what this sample leaves
    bool is_kept;       ///< what it says is left there too, in case it fails
};

/// What came of it. Either `reason` or `result` (or both, for an answer that is wrong) is set; the
/// caller clears it.
typedef struct bench_outcome {
    result *result;
    char *reason;            ///< why the sample failed, NULL when its figures count
    const char *accelerator; ///< "none", "kvm", "tcg"
} bench_outcome;

void outcome_clear(bench_outcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(bench_outcome, outcome_clear)

struct place {
    /// Once, before the first sample. What makes every sample impossible is an error.
    int (*open)(const bench_settings *settings, const char *folder, void **ret_data,
                cpulift_error **err);
    /// A workload that fails is an outcome; an error ends the series.
    int (*run)(void *data, const struct job *job, bench_outcome *ret_outcome, cpulift_error **err);
    void (*close)(void *data);
};

extern const struct place place_process, place_guest;

/// Merges what the run and the check (NULL: the workload has none) said into a result, and decides
/// whether it counts. Each text is a program's output, whose last line is the result.
void outcome_from_output(const char *run, const char *check, bench_outcome *ret_outcome);

/// The result of the user's own program: its times, and that it ended with 0; `said` is the end of
/// its standard error.
void outcome_from_times(int status, const char *said, double wall, double cpu,
                        bench_outcome *ret_outcome);

/// Why a program's end is no result, or NULL: one that found its own answer wrong (1) still prints
/// one. `status` is its exit status or 128 and a signal, `said` the end of its standard error. The
/// caller frees it.
char *outcome_explain(int status, const char *output, const char *said);

/// Leaves what a step of a sample ("run", "check") said as files in the job's output folder, where
/// that is kept.
int place_keep(const struct job *job, const char *step, const char *output, const char *errors,
               cpulift_error **err);

/// Writes the definition's document into `folder` and sets *ret_argument to its path; to the
/// definition's own argument where there is no document. The caller frees it.
int place_get_definition(const bench_definition *definition, const char *folder,
                         char **ret_argument, cpulift_error **err);
