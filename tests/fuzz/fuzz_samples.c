// SPDX-License-Identifier: LGPL-2.1-or-later
/// Samples from a stranger: what is accepted survives being written and read, and everything that a
/// report makes of it can be made.
#include "fuzz.h"
#include "measure/figure.h"
#include "measure/page.h"
#include "measure/samples.h"
#include "measure/summary.h"

#include <string.h>

static void check_round(const bench_samples *s)
{
    g_autofree char *text = samples_format(s);
    g_autoptr(bench_samples) again = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_assert(samples_parse(text, strlen(text), "again", &again, &err) == 0);
    g_autofree char *second = samples_format(again);
    g_assert(strcmp(text, second) == 0);
}

static void check_page(const bench_samples *s)
{
    g_autoptr(bench_summary) sum = summary_new(s, NULL);
    g_autofree const char **pictures = g_new0(const char *, sum->workloads->len + 1);
    const struct page_section section = {
        .source = "fuzz", .samples = s, .summary = sum, .pictures = pictures};
    g_autofree char *page = page_format(&section, 1);
    g_assert(strstr(page, "<script") == NULL);
    g_autofree char *tsv = summary_format_tsv(sum);
    g_assert(g_str_has_prefix(tsv, "workload\t"));
    for (unsigned w = 0; w < sum->workloads->len; w++) {
        g_autofree char *data = figure_format_tsv(sum, sum->workloads->pdata[w]);
        g_autofree char *program = figure_format_program(sum, sum->workloads->pdata[w], "fuzz");
        g_assert(g_str_has_prefix(data, "# ") && strchr(program, '`') == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(bench_samples) s = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (samples_parse((const char *)data, size, "fuzz", &s, &err) != 0) {
        g_assert(s == NULL && err != NULL);
        return 0;
    }
    check_round(s);
    check_page(s);
    return 0;
}
