// SPDX-License-Identifier: LGPL-2.1-or-later
/// Failures that are results: what a program makes of a definition, and no fault of the run.
#pragma once

#include "measure/samples.h"

/// The cause of a sample's failure where it is known (the table of workloads has it), a sentence;
/// NULL where it is not, or where the sample did not fail.
const char *finding_explain(const bench_samples *samples, const bench_sample *sample);

/// "linpack dies under default: …" for each workload and definition with such failures, in a
/// GPtrArray of owned strings.
GPtrArray *finding_list(const bench_samples *samples);

/// How many samples failed that nothing explains.
unsigned finding_count_failed(const bench_samples *samples);
