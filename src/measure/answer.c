// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/answer.h"

#include "measure/workload.h"

#include <string.h>

char *answer_format_percent(double ratio)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    double value = (ratio - 1) * 100;
    g_ascii_formatd(digits, sizeof digits, "%.1f", value < 0 ? -value : value);
    return g_strdup_printf("%s%s %%", value < 0 ? "−" : "+", digits);
}

static double get_spread(const struct summary_row *row, const struct summary_row *base)
{
    return MAX(stats_compute_spread(&row->value), stats_compute_spread(&base->value));
}

/// "−60.9 % [−61.8, −53.4]": a ratio and its interval.
static char *format_ratio(const struct stats *ratio)
{
    g_autofree char *median = answer_format_percent(ratio->median);
    g_autofree char *low = answer_format_percent(ratio->low);
    g_autofree char *high = answer_format_percent(ratio->high);
    return g_strdup_printf("%s [%s, %s]", median, low, high);
}

/// What may be said of a definition's ratio to the base: how far it is from 1 only where its
/// interval excludes 1, and the runs of both cells lie near one another or the ratio is clear all
/// the same. CPU time does not count what others take; emulation has no speed to tell of. NULL:
/// there is no ratio. *ret_is_told: it is the number.
static char *judge(const bench_summary *sum, const char *workload, const char *figure,
                   const char *cpu, unsigned vcpus, bool *ret_is_told)
{
    const struct summary_row *row = summary_find(sum, workload, figure, cpu, vcpus);
    const struct summary_row *base = summary_find(sum, workload, figure, sum->base, vcpus);
    if (row == NULL || base == NULL || row->ratio.count == 0) {
        return NULL;
    }
    if (row->is_emulated || base->is_emulated) {
        return g_strdup("not judged, emulated guests say nothing of speed");
    }
    bool is_loaded = (row->is_loaded || base->is_loaded) && strcmp(figure, ANSWER_CPU_TIME) != 0;
    double spread = get_spread(row, base);
    bool is_noisy = spread > SUMMARY_SPREAD_MAX && !stats_is_clear(&row->ratio);
    *ret_is_told = stats_excludes_one(&row->ratio) && !is_loaded && !is_noisy;
    if (*ret_is_told) {
        return format_ratio(&row->ratio);
    }
    if (!row->ratio.has_interval) {
        return g_strdup_printf("not judged, %zu run%s too few for an interval", row->ratio.count,
                               row->ratio.count == 1 ? " is" : "s are");
    }
    return is_noisy    ? g_strdup_printf("no difference seen, runs lie %.0f %% apart", spread * 100)
           : is_loaded ? g_strdup("no difference seen, begun under foreign load")
                       : g_strdup("no difference seen");
}

char *answer_format(const bench_summary *sum, const char *workload, const char *cpu, unsigned vcpus)
{
    bool is_told = false, is_cpu_told = false;
    const char *figure = summary_get_figure(workload);
    g_autofree char *words = judge(sum, workload, figure, cpu, vcpus, &is_told);
    g_autofree char *by_cpu = judge(sum, workload, ANSWER_CPU_TIME, cpu, vcpus, &is_cpu_told);
    if (words == NULL) {
        return NULL;
    }
    return is_told || !is_cpu_told ? g_strdup_printf("%s %s", figure, words)
                                   : g_strdup_printf("CPU time %s (%s: %s)", by_cpu, figure, words);
}

/// Why nothing ran under the base on so many CPUs, or NULL.
static const char *find_failure(const bench_summary *sum, const char *workload, unsigned vcpus)
{
    const struct summary_row *base =
        summary_find(sum, workload, summary_get_figure(workload), sum->base, vcpus);
    return base == NULL || base->value.count > 0 ? NULL
           : base->finding != NULL               ? base->finding
                                                 : base->reason;
}

char *answer_format_headline(const bench_summary *sum, const char *workload)
{
    const struct workload_kind *kind = workload_find_kind(workload);
    const char *failure = NULL;
    g_autoptr(GString) parts = g_string_new(NULL);
    for (unsigned v = 0; v < sum->vcpus->len; v++) {
        unsigned vcpus = g_array_index(sum->vcpus, unsigned, v);
        const char *why = find_failure(sum, workload, vcpus);
        g_autofree char *words = answer_format(sum, workload, "tuned", vcpus);
        failure = why != NULL ? why : failure;
        if (words != NULL) {
            g_string_append_printf(parts, "%s%s on %u CPU%s", parts->len > 0 ? "; " : "", words,
                                   vcpus, vcpus == 1 ? "" : "s");
        }
    }
    if (parts->len == 0 && failure != NULL) {
        g_string_printf(parts, "%s did not run (%s)", sum->base, failure);
    } else if (parts->len == 0) {
        g_string_assign(parts, "not measured");
    }
    return g_strdup_printf("tuned against %s: %s%s%s.", sum->base, parts->str,
                           kind != NULL ? ". The paper, in 2014: " : "",
                           kind != NULL ? kind->paper_words : "");
}
