// SPDX-License-Identifier: LGPL-2.1-or-later
/// From samples to what can be said of them.
#pragma once

#include "measure/samples.h"
#include "measure/stats.h"

/// Runs of one cell that lie further apart than this, to their median, are called noisy.
#define SUMMARY_SPREAD_MAX 0.10

/// One figure of one workload under one definition on so many CPUs. Strings are borrowed from the
/// samples.
struct summary_row {
    const char *workload, *figure, *unit, *cpu;
    unsigned vcpus;
    struct stats value; ///< of the samples that count
    /// To the base: of the quotients of the two samples that one run made side by side, so that
    /// what drifts from run to run cancels. count 0 for the base itself and where it failed.
    struct stats ratio;
    unsigned failed;     ///< samples of this cell that do not count because they failed
    unsigned unknown;    ///< of these, without a known cause
    const char *reason;  ///< why the last of those failed, or NULL
    const char *finding; ///< the known cause of the others, or NULL
    bool is_oversubscribed;
    bool is_emulated; ///< a sample that counts was made in a guest that KVM did not run
    bool is_loaded;   ///< a sample that counts began while others kept the machine busy
    const char *accelerator;
    const char *detail;  ///< the code path that the workload names, or NULL
    const char *library; ///< by which, or NULL
};

typedef struct bench_summary {
    const char *base;            ///< the definition that ratios are to; borrowed
    GPtrArray *workloads, *cpus; ///< names in the order of the samples; borrowed strings
    GArray *vcpus;               ///< of unsigned, ascending
    GArray *rows; ///< of summary_row: by workload, figure (the drawn one first), vcpus, definition
} bench_summary;

/// Ratios are to the definition named `base`, which must outlive the summary; NULL: to the 2014
/// paper's default guest where that was measured, else to today's default.
bench_summary *summary_new(const bench_samples *samples, const char *base);
void summary_free(bench_summary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(bench_summary, summary_free)

/// The row of that cell, borrowed, or NULL.
const struct summary_row *summary_find(const bench_summary *summary, const char *workload,
                                       const char *figure, const char *cpu, unsigned vcpus);

/// The figure of a workload that is drawn: its own, or "time" for the user's program.
const char *summary_get_figure(const char *workload);

/// The unit of a figure, borrowed; "" where no sample has it.
const char *summary_find_unit(const bench_summary *summary, const char *workload,
                              const char *figure);

/// The libraries that a workload says it was made with ("OpenBLAS 0.3.21"), in the order of its
/// rows; "" where it says none. The caller frees it.
char *summary_join_libraries(const bench_summary *summary, const char *workload);

/// All rows as tab-separated values, a header line first; numbers that are not there are empty. The
/// caller frees it.
char *summary_format_tsv(const bench_summary *summary);

/// What a reader should know before trusting the figures: one sentence each, in a GPtrArray of
/// owned strings.
GPtrArray *summary_get_warnings(const bench_summary *summary, const bench_samples *samples);
