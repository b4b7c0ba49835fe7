// SPDX-License-Identifier: LGPL-2.1-or-later
/// Makes the samples: interleaved, so that what drifts (heat, neighbours) drifts for all
/// definitions.
#pragma once

#include "base/error.h"
#include "measure/place.h"
#include "measure/samples.h"

/// Told before each sample (`finished` NULL) and after it.
struct runner_event {
    size_t done, total; ///< samples, those of an earlier part of the series included
    const char *workload, *cpu;
    unsigned vcpus, run; ///< run 0 is the warm-up
    const bench_sample *finished;
    bool is_known;       ///< it failed of a known cause: see finding.h
    const char *kept;    ///< it failed, and what it left is in this folder; NULL: it is not
    double seconds_left; ///< from the samples so far; negative: not known yet
};

struct runner {
    const struct place *place;
    bench_samples *samples; ///< their settings are carried out; those it has are not made again
    const char *path;       ///< where the document is replaced after each sample; NULL: nowhere
    const char *kept;       ///< folder below which what failed samples leave is kept; NULL: nowhere
    char **environment;     ///< cleaned
    gint64 deadline;        ///< g_get_monotonic_time() by which it ends with what it has; 0: none
    void (*tell)(void *data, const struct runner_event *event);
    void *data;
};

/// Makes what is missing. The order of one run is workload, CPU count, definition; the definitions'
/// order is turned by one from run to run. With a deadline the runs of a workload are made
/// together. Failed samples are kept as failed and do not end it. What would last beyond the
/// deadline, as far as its like tell, is not begun; what does is not kept.
int runner_run(const struct runner *runner, cpulift_error **err);
