// SPDX-License-Identifier: LGPL-2.1-or-later
/// What may be said of the ratios, in words.
#pragma once

#include "measure/summary.h"

/// The figure that does not count what other programs take.
#define ANSWER_CPU_TIME "cpu_time"

/// "+245.1 %": how far a ratio is from 1. The caller frees it.
char *answer_format_percent(double ratio);

/// What is said of a definition on so many CPUs, to the summary's base: of the drawn figure, but of
/// CPU time first where only that tells something. NULL: there is no ratio. The caller frees it.
char *answer_format(const bench_summary *summary, const char *workload, const char *cpu,
                    unsigned vcpus);

/// A sentence on a workload: tuned against the base at each number of CPUs, and the paper's number.
/// The caller frees it.
char *answer_format_headline(const bench_summary *summary, const char *workload);
