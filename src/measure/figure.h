// SPDX-License-Identifier: LGPL-2.1-or-later
/// A figure as the paper drew it: groups of bars, one group for each number of CPUs, one bar for
/// each definition, told apart by their patterns; drawn by gnuplot.
#pragma once

#include "measure/summary.h"

/// Writes FOLDER/NAME.tsv and FOLDER/NAME.gp and lets gnuplot make FOLDER/NAME.svg from them; all
/// three stay. *ret_svg (may be NULL) is the picture's text, the caller's.
int figure_draw(const bench_summary *summary, const char *workload, const char *folder,
                const char *name, char **ret_svg, cpulift_error **err);

/// The data as gnuplot reads it: a block for each definition. The caller frees it.
char *figure_format_tsv(const bench_summary *summary, const char *workload);

/// The gnuplot program. The caller frees it.
char *figure_format_program(const bench_summary *summary, const char *workload, const char *name);
