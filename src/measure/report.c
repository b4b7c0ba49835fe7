// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/report.h"

#include "base/file.h"
#include "measure/figure.h"
#include "measure/page.h"
#include "measure/workload.h"

#include <string.h>

static void add_tsv(GString *all, const char *source, const bench_summary *sum)
{
    g_autofree char *text = summary_format_tsv(sum);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        bool is_header = line == lines;
        if (!is_header || all->len == 0) {
            g_string_append_printf(all, "%s\t%s\n", is_header ? "source" : source, *line);
        }
    }
}

char *report_format_tsv(const struct report_source *sources, size_t count)
{
    GString *all = g_string_new(NULL);
    for (size_t i = 0; i < count; i++) {
        g_autoptr(bench_summary) sum = summary_new(sources[i].samples, sources[i].base);
        add_tsv(all, sources[i].name, sum);
    }
    return g_string_free(all, FALSE);
}

static bool has_values(const bench_summary *sum, const char *workload)
{
    for (unsigned i = 0; i < sum->rows->len; i++) {
        const struct summary_row *row = &g_array_index(sum->rows, struct summary_row, i);
        if (row->value.count > 0 && strcmp(row->workload, workload) == 0 &&
            strcmp(row->figure, summary_get_figure(workload)) == 0) {
            return true;
        }
    }
    return false;
}

/// "figure-4-linpack", of a second document "figure-4-linpack-2".
static char *name_figure(const char *workload, size_t source)
{
    const struct workload_kind *kind = workload_find_kind(workload);
    g_autofree char *paper = kind != NULL ? g_ascii_strdown(kind->paper, -1) : g_strdup("figure");
    g_autofree char *suffix = source > 0 ? g_strdup_printf("-%zu", source + 1) : g_strdup("");
    return g_strdelimit(g_strdup_printf("%s-%s%s", paper, workload, suffix), " :@+", '-');
}

/// Draws a picture for each workload of a document; *ret_pictures has an entry (perhaps NULL) for
/// each.
static int draw_all(const bench_summary *sum, size_t source, const char *folder,
                    GPtrArray *pictures, cpulift_error **err)
{
    for (unsigned w = 0; w < sum->workloads->len; w++) {
        const char *workload = sum->workloads->pdata[w];
        g_autofree char *name = name_figure(workload, source);
        char *svg = NULL;
        if (has_values(sum, workload)) {
            TRY(figure_draw(sum, workload, folder, name, &svg, err));
        }
        g_ptr_array_add(pictures, svg);
    }
    return 0;
}

static int save(const char *folder, const char *name, const char *text, cpulift_error **err)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    return file_save(path, text, strlen(text), 0644, err);
}

int report_save(const struct report_source *sources, size_t count, const char *folder,
                cpulift_error **err)
{
    TRY(file_make_folder(folder, 0777, err));
    g_autoptr(GPtrArray) summaries = g_ptr_array_new_with_free_func((GDestroyNotify)summary_free);
    g_autoptr(GPtrArray) pictures =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    g_autofree struct page_section *sections = g_new0(struct page_section, count);
    g_autoptr(GString) tsv = g_string_new(NULL);
    for (size_t i = 0; i < count; i++) {
        // Resampling is what a report costs: once for each source.
        bench_summary *sum = summary_new(sources[i].samples, sources[i].base);
        add_tsv(tsv, sources[i].name, sum);
        GPtrArray *drawn = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(summaries, sum);
        g_ptr_array_add(pictures, drawn);
        TRY(draw_all(sum, i, folder, drawn, err));
        sections[i] = (struct page_section){
            .source = sources[i].name,
            .samples = sources[i].samples,
            .summary = sum,
            .pictures = (const char *const *)drawn->pdata,
        };
    }
    g_autofree char *page = page_format(sections, count);
    TRY(save(folder, "results.tsv", tsv->str, err));
    return save(folder, "index.html", page, err);
}
