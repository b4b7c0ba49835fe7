// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/page.h"

#include "base/html.h"
#include "base/json.h"
#include "base/text.h"
#include "measure/answer.h"
#include "measure/workload.h"

#include <string.h>

/// The page's frame and its style, from data/report, as part of the program.
static const struct {
    const char *name, *text;
} templates[] = {
#include "templates.h"
};
enum { PAGE, STYLE }; // in the order of meson.build

static char *number(double value)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    return g_strdup(g_ascii_formatd(digits, sizeof digits, value >= 1000 ? "%.0f" : "%.4g", value));
}

/// "1.53 to 1.58 (96.9 %)", or "(range)" where there are too few runs for an interval, or a dash.
static char *interval(const struct stats *s)
{
    char level[G_ASCII_DTOSTR_BUF_SIZE];
    if (s->count < 2) {
        return g_strdup("–");
    }
    g_autofree char *low = number(s->low), *high = number(s->high);
    g_ascii_formatd(level, sizeof level, "%.1f", s->level * 100);
    return s->has_interval ? g_strdup_printf("%s to %s (%s %%)", low, high, level)
                           : g_strdup_printf("%s to %s (range)", low, high);
}

static char *times(double ratio)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    return g_strdup_printf("× %s", g_ascii_formatd(digits, sizeof digits, "%.3f", ratio));
}

/// What the definitions are.
static void add_meanings(GString *page, const struct page_section *s)
{
    g_string_append(page, "<p class=\"sub\">");
    for (unsigned c = 0; c < s->summary->cpus->len; c++) {
        const char *cpu = s->summary->cpus->pdata[c], *meaning = settings_explain(cpu);
        html_add(page, "%s<strong>%s</strong>%s%s", c > 0 ? "; " : "", cpu,
                 meaning != NULL ? ": " : "", meaning != NULL ? meaning : "");
    }
    g_string_append(page, ".</p>\n");
}

/// One sentence for each workload.
static void add_answer(GString *page, const struct page_section *s)
{
    g_string_append(page, "<ul>\n");
    for (unsigned w = 0; w < s->summary->workloads->len; w++) {
        const char *workload = s->summary->workloads->pdata[w];
        g_autofree char *headline = answer_format_headline(s->summary, workload);
        html_add(page, "<li><strong>%s</strong>: %s</li>\n", workload, headline);
    }
    g_string_append(page, "</ul>\n");
}

static void add_picture(GString *page, const struct page_section *s, unsigned w)
{
    const char *workload = s->summary->workloads->pdata[w];
    const struct workload_kind *kind = workload_find_kind(workload);
    if (s->pictures[w] == NULL) {
        html_add(page, "<p>No figure: no sample of %s counts.</p>\n", workload);
        return;
    }
    g_autofree char *data = g_base64_encode((const guchar *)s->pictures[w], strlen(s->pictures[w]));
    html_add(
        page,
        "<figure><img alt=\"Bars of %s for each definition and number of CPUs; the table below has "
        "the numbers\" width=\"780\" height=\"400\" src=\"data:image/svg+xml;base64,%s\">\n",
        workload, data);
    html_add(page,
             "<figcaption>%s%sMedians; the lines are their confidence intervals, of 95 to 97 %%. "
             "Fewer than 6 runs have none.</figcaption>"
             "</figure>\n",
             kind != NULL ? kind->paper : "",
             kind != NULL ? " of the paper, for this machine. " : "");
}

static void add_row(GString *page, const struct summary_row *row, const char *base, bool has_detail)
{
    bool is_tuned = strcmp(row->cpu, "tuned") == 0, has_ratio = row->ratio.count > 0;
    bool is_base = row->value.count > 0 && strcmp(row->cpu, base) == 0;
    g_autofree char *median = row->value.count > 0 ? number(row->value.median) : g_strdup("–");
    g_autofree char *range = interval(&row->value);
    g_autofree char *ratio = has_ratio ? times(row->ratio.median) : g_strdup(is_base ? "× 1" : "–");
    g_autofree char *change = has_ratio ? answer_format_percent(row->ratio.median) : g_strdup("–");
    g_autofree char *ratio_range = interval(&row->ratio);
    g_string_append(page, is_tuned ? "<tr class=\"t\">" : "<tr>");
    html_add(page, "<td>%u%s%s</td><td class=\"l\">%s</td><td>%s</td><td>%s</td>", row->vcpus,
             row->is_oversubscribed ? " *" : "", row->is_loaded ? " !" : "", row->cpu, median,
             range);
    html_add(page, "<td>%s</td><td>%s</td><td>%s</td><td>%zu", ratio, change, ratio_range,
             row->value.count);
    html_add(page, row->failed > 0 ? " (%u failed)</td>" : "</td>", row->failed);
    if (has_detail) {
        html_add(page, "<td class=\"l\">%s</td>", row->detail != NULL ? row->detail : "–");
    }
    g_string_append(page, "</tr>\n");
}

static void add_table(GString *page, const struct page_section *s, const char *workload,
                      const char *figure)
{
    const struct workload_kind *kind = workload_find_kind(workload);
    const char *unit = summary_find_unit(s->summary, workload, figure);
    g_autofree char *libraries = summary_join_libraries(s->summary, workload);
    bool has_detail = kind != NULL && kind->details != NULL;
    html_add(page,
             "<div class=\"wide\"><table>\n<caption class=\"l\">%s of %s%s%s%s%s</caption>\n"
             "<thead><tr><th>CPUs</th><th class=\"l\">definition</th><th>median</th><th>"
             "interval</th><th>to %s</th><th>change</th><th>interval</th><th>runs</th>",
             figure, workload, *libraries != '\0' ? ", by " : "", libraries,
             *unit != '\0' ? ", in " : "", unit, s->summary->base);
    if (has_detail) {
        html_add(page, "<th class=\"l\">%s</th>", kind->detail_name);
    }
    g_string_append(page, "</tr></thead>\n<tbody>\n");
    for (unsigned i = 0; i < s->summary->rows->len; i++) {
        const struct summary_row *row = &g_array_index(s->summary->rows, struct summary_row, i);
        if (strcmp(row->workload, workload) == 0 && strcmp(row->figure, figure) == 0) {
            add_row(page, row, s->summary->base, has_detail);
        }
    }
    g_string_append(page, "</tbody></table></div>\n");
}

/// A table of the figure that is drawn and one of the CPU time; results.tsv has whatever else the
/// workload says.
static void add_tables(GString *page, const struct page_section *s, const char *workload)
{
    const char *drawn = summary_get_figure(workload), *last = "";
    for (unsigned i = 0; i < s->summary->rows->len; i++) {
        const struct summary_row *row = &g_array_index(s->summary->rows, struct summary_row, i);
        bool is_shown =
            strcmp(row->figure, drawn) == 0 || strcmp(row->figure, ANSWER_CPU_TIME) == 0;
        if (is_shown && strcmp(row->workload, workload) == 0 && strcmp(row->figure, last) != 0) {
            add_table(page, s, workload, row->figure);
            last = row->figure;
        }
    }
}

static void add_workloads(GString *page, const struct page_section *s)
{
    for (unsigned w = 0; w < s->summary->workloads->len; w++) {
        const char *workload = s->summary->workloads->pdata[w];
        const struct workload_kind *kind = workload_find_kind(workload);
        html_add(page, "<h3>%s%s%s</h3>\n", kind != NULL ? kind->paper : "",
                 kind != NULL ? ". " : "", kind != NULL ? kind->title : workload);
        add_picture(page, s, w);
        add_tables(page, s, workload);
    }
}

/// Our ratios beside the paper's.
static void add_paper(GString *page, const struct page_section *s)
{
    g_string_append(page,
                    "<h3>Beside the paper</h3>\n<div class=\"wide\"><table>\n<thead><tr>"
                    "<th class=\"l\">figure</th><th class=\"l\">workload</th><th>CPUs</th>"
                    "<th>paper's CPU here</th><th>tuned CPU here</th><th>the paper, in 2014</th>"
                    "</tr></thead>\n<tbody>\n");
    for (unsigned w = 0; w < s->summary->workloads->len; w++) {
        const char *workload = s->summary->workloads->pdata[w];
        const struct workload_kind *kind = workload_find_kind(workload);
        for (unsigned v = 0; kind != NULL && v < s->summary->vcpus->len; v++) {
            unsigned vcpus = g_array_index(s->summary->vcpus, unsigned, v);
            g_autofree char *ours = answer_format(s->summary, workload, "paper", vcpus);
            g_autofree char *best = answer_format(s->summary, workload, "tuned", vcpus);
            html_add(page,
                     "<tr><td class=\"l\">%s</td><td class=\"l\">%s</td><td>%u</td><td>%s</td>"
                     "<td>%s</td><td>%s</td></tr>\n",
                     kind->paper, workload, vcpus, ours != NULL ? ours : "–",
                     best != NULL ? best : "–", kind->paper_words);
        }
    }
    g_string_append(page, "</tbody></table></div>\n");
}

static void add_warnings(GString *page, const struct page_section *s)
{
    g_autoptr(GPtrArray) warnings = summary_get_warnings(s->summary, s->samples);
    g_string_append(page, "<h3>What to know before trusting it</h3>\n<ul class=\"warn\">\n");
    for (unsigned i = 0; i < warnings->len; i++) {
        html_add(page, "<li>%s</li>\n", (const char *)warnings->pdata[i]);
    }
    if (warnings->len == 0) {
        g_string_append(page, "<li>Nothing stood out.</li>\n");
    }
    g_string_append(page, "</ul>\n");
}

static GPtrArray *sort_keys(const json_t *object)
{
    GPtrArray *keys = g_ptr_array_new();
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        g_ptr_array_add(keys, (char *)key);
    }
    g_ptr_array_sort(keys, text_compare);
    return keys;
}

/// An object's plain members as table rows, "prefix key"; objects inside it follow with their key
/// as the prefix.
static void add_members(GString *page, const char *prefix, const json_t *object)
{
    g_autoptr(GPtrArray) keys = sort_keys(object);
    for (size_t i = 0; i < keys->len; i++) {
        const char *key = keys->pdata[i];
        json_t *value = json_object_get(object, key);
        if (json_is_object(value)) {
            add_members(page, key, value);
            continue;
        }
        g_autofree char *text = json_is_string(value) ? g_strdup(json_string_value(value))
                                                      : g_strchomp(json_format_line(value));
        html_add(page, "<tr><td class=\"l\">%s%s%s</td><td class=\"l\">%s</td></tr>\n", prefix,
                 *prefix != '\0' ? " " : "", key, text);
    }
}

static void add_definitions(GString *page, const bench_settings *settings)
{
    for (unsigned i = 0; i < settings->definitions->len; i++) {
        const bench_definition *definition = settings->definitions->pdata[i];
        if (definition->dropped != NULL) {
            html_add(page, "<p>%s.</p>\n", definition->dropped);
        }
        if (definition->document != NULL) {
            html_add(page,
                     "<details><summary>The definition ‘%s’</summary><pre><code>%s</code></pre>"
                     "</details>\n",
                     definition->name, definition->document);
        }
    }
}

static void add_place(GString *page, const struct page_section *s)
{
    const bench_settings *settings = s->samples->settings;
    const json_t *removed = settings->environment_removed;
    g_autofree char *list = removed != NULL ? g_strchomp(json_format_line(removed)) : g_strdup("");
    g_string_append(page, "<h3>What was measured where</h3>\n<div class=\"wide\"><table><tbody>\n");
    html_add(page, "<tr><td class=\"l\">ran in</td><td class=\"l\">%s</td></tr>\n",
             settings->is_guest ? "guests of libvirt"
                                : "processes of this machine under cpulift run");
    add_members(page, "", s->samples->machine);
    html_add(page, "<tr><td class=\"l\">variables removed</td><td class=\"l\">%s</td></tr>\n",
             list);
    g_string_append(page, "</tbody></table></div>\n");
    add_definitions(page, settings);
}

static void add_section(GString *page, const struct page_section *s)
{
    const char *processor = json_get_string(s->samples->machine, "processor");
    html_add(page, "<h2>%s: %s</h2>\n", s->source,
             processor != NULL ? processor : "unknown processor");
    add_answer(page, s);
    add_meanings(page, s);
    add_workloads(page, s);
    add_paper(page, s);
    add_warnings(page, s);
    add_place(page, s);
}

char *page_format(const struct page_section *sections, size_t count)
{
    g_autoptr(GString) body = g_string_new(NULL);
    g_autoptr(GString) sources = g_string_new(NULL);
    for (size_t i = 0; i < count; i++) {
        add_section(body, &sections[i]);
        html_add(sources, " %s", sections[i].source);
    }
    const char *const values[][2] = {
        {"STYLE", templates[STYLE].text},
        {"SECTIONS", body->str},
        {"SOURCES", sources->str},
    };
    return html_fill(templates[PAGE].text, values, G_N_ELEMENTS(values));
}
