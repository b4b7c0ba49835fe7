// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/summary.h"

#include "base/text.h"
#include "measure/finding.h"
#include "measure/workload.h"

#include <stdlib.h>
#include <string.h>

/// Adds a string once.
static void add_once(GPtrArray *names, const char *name)
{
    if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL)) {
        g_ptr_array_add(names, (char *)name);
    }
}

static void add_number_once(GArray *numbers, unsigned number)
{
    unsigned at = 0;
    while (at < numbers->len && g_array_index(numbers, unsigned, at) < number) {
        at++;
    }
    if (at == numbers->len || g_array_index(numbers, unsigned, at) != number) {
        g_array_insert_val(numbers, at, number);
    }
}

const char *summary_get_figure(const char *workload)
{
    const struct workload_kind *kind = workload_find_kind(workload);
    return kind != NULL ? kind->figure : "time";
}

/// The figures that samples of this workload have: the drawn one first, the others sorted.
static GPtrArray *find_figures(const bench_samples *s, const char *workload)
{
    GPtrArray *figures = g_ptr_array_new();
    const char *drawn = summary_get_figure(workload);
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *item = s->list->pdata[i];
        bool has_figures = item->is_ok && strcmp(item->workload, workload) == 0;
        for (unsigned f = 0; has_figures && f < item->result->figures->len; f++) {
            const struct figure *figure = item->result->figures->pdata[f];
            add_once(figures, figure->name);
        }
    }
    g_ptr_array_sort(figures, text_compare);
    unsigned at;
    if (g_ptr_array_find_with_equal_func(figures, drawn, g_str_equal, &at)) {
        char *name = g_ptr_array_steal_index(figures, at);
        g_ptr_array_insert(figures, 0, name);
    }
    return figures;
}

static bool is_in_cell(const bench_sample *s, const struct summary_row *row)
{
    return s->vcpus == row->vcpus && strcmp(s->workload, row->workload) == 0 &&
           strcmp(s->cpu, row->cpu) == 0;
}

static void describe(struct summary_row *row, const bench_sample *s)
{
    const struct workload_kind *kind = workload_find_kind(s->workload);
    row->is_oversubscribed |= s->is_oversubscribed;
    row->accelerator = s->accelerator;
    const char *const *key = kind != NULL ? kind->details : NULL;
    const char *detail = NULL;
    for (; key != NULL && *key != NULL && detail == NULL; key++) {
        detail = result_get_path(s->result, *key);
    }
    row->detail = detail != NULL ? detail : row->detail;
    const char *library =
        kind != NULL && kind->library != NULL ? result_get_path(s->result, kind->library) : NULL;
    row->library = library != NULL ? library : row->library;
}

/// The figure of the sample that the same run made under the base, if it counts; else 0.
static double find_base(const bench_samples *s, const char *name, const bench_sample *item,
                        const char *figure)
{
    const bench_sample *base = samples_find(s, item->workload, name, item->vcpus, item->run);
    bool counts = base != NULL && base != item && sample_is_usable(base);
    const struct figure *found = counts ? result_find_figure(base->result, figure) : NULL;
    return found != NULL ? found->value : 0;
}

static void count_failed(const bench_samples *s, const bench_sample *item, struct summary_row *row)
{
    const char *finding = finding_explain(s, item);
    row->failed += !item->is_ok;
    row->finding = finding != NULL ? finding : row->finding;
    if (!item->is_ok && finding == NULL) {
        row->unknown++;
        row->reason = item->reason;
    }
}

/// Fills a row from its samples. False when none of them counts or failed.
static bool compute_row(const bench_samples *s, const char *base_name, struct summary_row *row)
{
    g_autofree double *values = g_new(double, s->list->len + 1);
    g_autofree double *ratios = g_new(double, s->list->len + 1);
    size_t count = 0, pairs = 0;
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *item = s->list->pdata[i];
        if (!is_in_cell(item, row)) {
            continue;
        }
        count_failed(s, item, row);
        describe(row, item);
        const struct figure *figure =
            sample_is_usable(item) ? result_find_figure(item->result, row->figure) : NULL;
        if (figure == NULL) {
            continue;
        }
        double base = find_base(s, base_name, item, row->figure);
        values[count++] = figure->value;
        row->is_loaded |= samples_is_loaded(s, item);
        row->is_emulated |= strcmp(item->accelerator, "tcg") == 0;
        row->unit = figure->unit;
        if (base > 0) {
            ratios[pairs++] = figure->value / base;
        }
    }
    row->value = stats_compute(values, count);
    row->ratio = stats_compute(ratios, pairs);
    return count > 0 || row->failed > 0;
}

static void add_rows(bench_summary *sum, const bench_samples *s, const char *workload,
                     const char *figure)
{
    for (unsigned v = 0; v < sum->vcpus->len; v++) {
        for (unsigned c = 0; c < sum->cpus->len; c++) {
            struct summary_row row = {
                .workload = workload,
                .figure = figure,
                .unit = "",
                .cpu = sum->cpus->pdata[c],
                .vcpus = g_array_index(sum->vcpus, unsigned, v),
                .accelerator = "none",
            };
            if (compute_row(s, sum->base, &row)) {
                g_array_append_val(sum->rows, row);
            }
        }
    }
}

static bool has_sample(const bench_samples *s, const char *cpu, bool must_count)
{
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *item = s->list->pdata[i];
        if (strcmp(item->cpu, cpu) == 0 && (!must_count || sample_is_usable(item))) {
            return true;
        }
    }
    return false;
}

/// One under which something ran; one that was at least tried, so that it is said what became of
/// it.
static const char *choose_base(const bench_samples *s)
{
    static const char *const usual[] = {"2014", "default"};
    const size_t count = G_N_ELEMENTS(usual);
    for (size_t i = 0; i < 2 * count; i++) {
        if (has_sample(s, usual[i % count], i < count)) {
            return usual[i % count];
        }
    }
    return usual[0];
}

bench_summary *summary_new(const bench_samples *s, const char *base)
{
    bench_summary *sum = g_new0(bench_summary, 1);
    sum->base = base != NULL ? base : choose_base(s);
    sum->workloads = g_ptr_array_new();
    sum->cpus = g_ptr_array_new();
    sum->vcpus = g_array_new(FALSE, FALSE, sizeof(unsigned));
    sum->rows = g_array_new(FALSE, FALSE, sizeof(struct summary_row));
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *item = s->list->pdata[i];
        add_once(sum->workloads, item->workload);
        add_once(sum->cpus, item->cpu);
        add_number_once(sum->vcpus, item->vcpus);
    }
    for (unsigned w = 0; w < sum->workloads->len; w++) {
        const char *workload = sum->workloads->pdata[w];
        g_autoptr(GPtrArray) figures = find_figures(s, workload);
        if (figures->len == 0) {
            g_ptr_array_add(figures, (char *)summary_get_figure(workload));
        }
        for (unsigned f = 0; f < figures->len; f++) {
            add_rows(sum, s, workload, figures->pdata[f]);
        }
    }
    return sum;
}

void summary_free(bench_summary *sum)
{
    if (sum != NULL) {
        g_ptr_array_unref(sum->workloads);
        g_ptr_array_unref(sum->cpus);
        g_array_unref(sum->vcpus);
        g_array_unref(sum->rows);
        g_free(sum);
    }
}

const struct summary_row *summary_find(const bench_summary *sum, const char *workload,
                                       const char *figure, const char *cpu, unsigned vcpus)
{
    for (unsigned i = 0; i < sum->rows->len; i++) {
        const struct summary_row *row = &g_array_index(sum->rows, struct summary_row, i);
        if (row->vcpus == vcpus && strcmp(row->cpu, cpu) == 0 &&
            strcmp(row->workload, workload) == 0 && strcmp(row->figure, figure) == 0) {
            return row;
        }
    }
    return NULL;
}

const char *summary_find_unit(const bench_summary *sum, const char *workload, const char *figure)
{
    for (unsigned i = 0; i < sum->rows->len; i++) {
        const struct summary_row *row = &g_array_index(sum->rows, struct summary_row, i);
        if (*row->unit != '\0' && strcmp(row->workload, workload) == 0 &&
            strcmp(row->figure, figure) == 0) {
            return row->unit;
        }
    }
    return "";
}

char *summary_join_libraries(const bench_summary *sum, const char *workload)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (unsigned i = 0; i < sum->rows->len; i++) {
        const struct summary_row *row = &g_array_index(sum->rows, struct summary_row, i);
        if (row->library != NULL && strcmp(row->workload, workload) == 0) {
            add_once(names, row->library);
        }
    }
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

static void add_number(GString *text, bool is_there, double number)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append_c(text, '\t');
    if (is_there) {
        g_string_append(text, g_ascii_formatd(digits, sizeof digits, "%.6g", number));
    }
}

static void add_stats(GString *text, const struct stats *s)
{
    add_number(text, s->count > 0, s->median);
    add_number(text, s->has_interval, s->low);
    add_number(text, s->has_interval, s->high);
}

char *summary_format_tsv(const bench_summary *sum)
{
    GString *text = g_string_new("workload\tfigure\tunit\tcpus\tdefinition\truns\tfailed\tmedian\t"
                                 "low95\thigh95\tmin\tmax\tratio\tratio_low95\tratio_high95\t"
                                 "oversubscribed\taccelerator\tlevel\tratio_level\tloaded\n");
    for (unsigned i = 0; i < sum->rows->len; i++) {
        const struct summary_row *row = &g_array_index(sum->rows, struct summary_row, i);
        g_string_append_printf(text, "%s\t%s\t%s\t%u\t%s\t%zu\t%u", row->workload, row->figure,
                               row->unit, row->vcpus, row->cpu, row->value.count, row->failed);
        add_stats(text, &row->value);
        add_number(text, row->value.count > 0, row->value.min);
        add_number(text, row->value.count > 0, row->value.max);
        add_stats(text, &row->ratio);
        g_string_append_printf(text, "\t%s\t%s", row->is_oversubscribed ? "yes" : "no",
                               row->accelerator);
        add_number(text, row->value.has_interval, row->value.level);
        add_number(text, row->ratio.has_interval, row->ratio.level);
        g_string_append_printf(text, "\t%s\n", row->is_loaded ? "yes" : "no");
    }
    return g_string_free(text, FALSE);
}
