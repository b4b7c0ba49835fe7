// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/figure.h"

#include "base/file.h"
#include "base/programs.h"
#include "measure/process.h"
#include "measure/workload.h"

#include <string.h>

enum { DRAW_TIMEOUT = 60 };

/// Patterns of gnuplot's svg terminal that differ without colour, and colours that differ for the
/// colour-blind (Okabe, Ito: Color Universal Design, 2008).
static const struct {
    int pattern;
    const char *colour;
} styles[] = {
    {0, "#555555"}, {4, "#e69f00"}, {2, "#0072b2"}, {1, "#009e73"},
    {5, "#cc79a7"}, {6, "#d55e00"}, {7, "#56b4e9"},
};

/// Where the bar stands: groups at 0, 1, 2, …; the bars of a group fill 0.8 of it.
static double get_x(unsigned group, unsigned bar, unsigned bars)
{
    return group + (bar + 0.5) * 0.8 / bars - 0.4;
}

static void add_number(GString *text, double number)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append_printf(text, "\t%s", g_ascii_formatd(digits, sizeof digits, "%.6g", number));
}

static void add_block(GString *text, const bench_summary *sum, const char *workload, unsigned bar)
{
    const char *cpu = sum->cpus->pdata[bar];
    char label[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append_printf(text, "# %s\n# cpus\tx\tmedian\tlow95\thigh95\ttop\tlabel\n", cpu);
    for (unsigned v = 0; v < sum->vcpus->len; v++) {
        unsigned vcpus = g_array_index(sum->vcpus, unsigned, v);
        const struct summary_row *row =
            summary_find(sum, workload, summary_get_figure(workload), cpu, vcpus);
        if (row == NULL || row->value.count == 0) {
            g_string_append_printf(text, "%u\t0\t?\t?\t?\t?\t?\n", vcpus);
            continue;
        }
        g_string_append_printf(text, "%u", vcpus);
        add_number(text, get_x(v, bar, sum->cpus->len));
        add_number(text, row->value.median);
        if (row->value.has_interval) {
            add_number(text, row->value.low);
            add_number(text, row->value.high);
        } else {
            g_string_append(text, "\t?\t?");
        }
        add_number(text, row->value.has_interval ? row->value.high : row->value.median);
        g_ascii_formatd(label, sizeof label, "%.3g", row->value.median);
        g_string_append_printf(text, "\t%s%s\n", label, row->is_loaded ? " !" : "");
    }
    g_string_append(text, "\n\n");
}

char *figure_format_tsv(const bench_summary *sum, const char *workload)
{
    GString *text = g_string_new(NULL);
    for (unsigned bar = 0; bar < sum->cpus->len; bar++) {
        add_block(text, sum, workload, bar);
    }
    return g_string_free(text, FALSE);
}

/// What a sample says, as it may stand between quotation marks of gnuplot's.
static char *format_title(const bench_summary *sum, const char *workload)
{
    const struct workload_kind *kind = workload_find_kind(workload);
    const char *title = kind != NULL ? kind->title : workload;
    g_autofree char *libraries = summary_join_libraries(sum, workload);
    char *text =
        *libraries != '\0' ? g_strdup_printf("%s, by %s", title, libraries) : g_strdup(title);
    return g_strdelimit(text, "'`\\", '?');
}

static bool is_oversubscribed(const bench_summary *sum, const char *workload, unsigned vcpus)
{
    for (unsigned i = 0; i < sum->rows->len; i++) {
        const struct summary_row *row = &g_array_index(sum->rows, struct summary_row, i);
        if (row->vcpus == vcpus && row->is_oversubscribed && strcmp(row->workload, workload) == 0) {
            return true;
        }
    }
    return false;
}

static void add_tics(GString *text, const bench_summary *sum, const char *workload)
{
    g_string_append(text, "set xtics scale 0 (");
    for (unsigned v = 0; v < sum->vcpus->len; v++) {
        unsigned vcpus = g_array_index(sum->vcpus, unsigned, v);
        g_string_append_printf(text, "%s'%u CPU%s%s' %u", v > 0 ? ", " : "", vcpus,
                               vcpus == 1 ? "" : "s",
                               is_oversubscribed(sum, workload, vcpus) ? " *" : "", v);
    }
    g_string_append(text, ")\n");
}

static void add_plots(GString *text, const bench_summary *sum, const char *name)
{
    char width[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(width, sizeof width, "%.4g", 0.72 / sum->cpus->len);
    for (unsigned i = 0; i < sum->cpus->len; i++) {
        unsigned style = i % G_N_ELEMENTS(styles);
        g_string_append_printf(
            text,
            "%s '%s.tsv' index %u using 2:3:(%s) with boxes fill pattern %d "
            "linecolor rgb '%s' title '%s', \\\n"
            "     '' index %u using 2:4:(0):($5-$4) with vectors heads size graph 0.008,90 "
            "linewidth 1.5 linecolor rgb 'black' notitle, \\\n"
            "     '' index %u using 2:6:7 with labels "
            "offset 0,0.7 notitle",
            i == 0 ? "plot" : ", \\\n    ", name, i, width, styles[style].pattern,
            styles[style].colour, (const char *)sum->cpus->pdata[i], i, i);
    }
    g_string_append_c(text, '\n');
}

char *figure_format_program(const bench_summary *sum, const char *workload, const char *name)
{
    const struct workload_kind *kind = workload_find_kind(workload);
    bool is_higher_better = kind != NULL && kind->is_higher_better;
    g_autofree char *title = format_title(sum, workload);
    const char *unit = summary_find_unit(sum, workload, summary_get_figure(workload));
    GString *text = g_string_new(NULL);
    g_string_append_printf(text,
                           "# run it in this folder: gnuplot %s.gp >%s.svg\n"
                           "set terminal svg size 780,400 dynamic font 'sans-serif,13' "
                           "background rgb 'white' noenhanced\n"
                           "set datafile separator tab\nset datafile missing '?'\n"
                           "set title '%s'\n"
                           "set ylabel '%s (%s is better)'\n"
                           "set yrange [0:*]\nset offsets 0.1, 0.1, graph 0.12, 0\n"
                           "set grid ytics linecolor rgb '#dddddd'\nset border 3\n"
                           "set ytics nomirror\nset key outside bottom center horizontal\n"
                           "set xrange [-0.5:%u.5]\n",
                           name, name, title, unit, is_higher_better ? "more" : "less",
                           MAX(sum->vcpus->len, 1) - 1);
    add_tics(text, sum, workload);
    add_plots(text, sum, name);
    return g_string_free(text, FALSE);
}

static int save(const char *folder, const char *name, const char *suffix, const char *text,
                cpulift_error **err)
{
    g_autofree char *path = g_strdup_printf("%s/%s.%s", folder, name, suffix);
    return file_save(path, text, strlen(text), 0644, err);
}

/// The figure as gnuplot prints it. The caller frees it.
static int run_gnuplot(const char *folder, const char *name, char **ret_svg, cpulift_error **err)
{
    g_autofree char *gnuplot = NULL, *program = g_strdup_printf("%s.gp", name);
    g_auto(process_outcome) p = {0};
    TRY(programs_find("gnuplot", &gnuplot, err));
    char *argv[] = {gnuplot, program, NULL};
    const struct process_options options = {
        .argv = argv, .folder = folder, .timeout = DRAW_TIMEOUT};
    TRY(process_run(&options, &p, err));
    if (p.status != 0 || strlen(p.output) >= PROCESS_OUTPUT_MAX) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "gnuplot could not draw '%s/%s': %s", folder,
                                 program, p.status != 0 ? p.complaint : "the figure is too large");
    }
    *ret_svg = g_steal_pointer(&p.output);
    return 0;
}

int figure_draw(const bench_summary *sum, const char *workload, const char *folder,
                const char *name, char **ret_svg, cpulift_error **err)
{
    g_autofree char *tsv = figure_format_tsv(sum, workload);
    g_autofree char *program = figure_format_program(sum, workload, name);
    g_autofree char *svg = NULL;
    TRY(save(folder, name, "tsv", tsv, err));
    TRY(save(folder, name, "gp", program, err));
    TRY(run_gnuplot(folder, name, &svg, err));
    TRY(save(folder, name, "svg", svg, err));
    if (ret_svg != NULL) {
        *ret_svg = g_steal_pointer(&svg);
    }
    return 0;
}
