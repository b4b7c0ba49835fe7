// SPDX-License-Identifier: LGPL-2.1-or-later
/// The report's HTML, section by section. Everything from outside is escaped here.
#pragma once

#include "measure/summary.h"

/// What a section of the page is about; all borrowed.
struct page_section {
    const char *source; ///< the samples' file name
    const bench_samples *samples;
    const bench_summary *summary;
    const char *const *pictures; ///< SVG text for each of the summary's workloads, NULL: none
};

/// The whole page. The caller frees it.
char *page_format(const struct page_section *sections, size_t count);
