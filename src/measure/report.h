// SPDX-License-Identifier: LGPL-2.1-or-later
/// The report: one page that needs nothing else, and beside it what it was made from.
#pragma once

#include "measure/samples.h"

/// A samples document and the name that it goes by (its file's).
struct report_source {
    const char *name;
    const bench_samples *samples;
    const char *base; ///< the definition that ratios are to
};

/// Writes FOLDER/index.html, FOLDER/results.tsv and each figure's .tsv, .gp and .svg; makes the
/// folder. The same samples give the same bytes.
int report_save(const struct report_source *sources, size_t count, const char *folder,
                cpulift_error **err);

/// All numbers as tab-separated values, the first column the source. The caller frees it.
char *report_format_tsv(const struct report_source *sources, size_t count);
