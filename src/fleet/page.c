// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/page.h"

#include "base/html.h"
#include "base/text.h"
#include "fleet/verdict.h"

#include <string.h>

/// The page's frame and its style, from data/fleet, as part of the program.
static const struct {
    const char *name, *text;
} templates[] = {
#include "fleet_templates.h"
};
enum { PAGE, STYLE }; // in the order of meson.build

/// So many names stand in a cell; the others in its title.
#define CELL_NAMES 6

/// A host's column.
struct column {
    const char *name;
    size_t kind;
};

static int compare_columns(const void *a, const void *b)
{
    const struct column *ca = a, *cb = b;
    return strcmp(ca->name, cb->name);
}

static GArray *list_columns(const inventory *hosts)
{
    GArray *columns = g_array_new(FALSE, FALSE, sizeof(struct column));
    for (size_t k = 0; k < hosts->kinds->len; k++) {
        const struct host_kind *kind = hosts->kinds->pdata[k];
        for (size_t i = 0; i < kind->names->len; i++) {
            struct column column = {kind->names->pdata[i], k};
            g_array_append_val(columns, column);
        }
    }
    g_array_sort(columns, compare_columns);
    return columns;
}

/// A cell's mark, and as its title all that stops the guest.
static void add_cell(GString *page, const fleet_cell *cell)
{
    static const struct {
        const char *class, *mark;
    } marks[] = {[FLEET_YES] = {"y", "✓"}, [FLEET_UNKNOWN] = {"u", "?"}, [FLEET_NO] = {"n", "✗"}};
    g_autofree char *because = fleet_cell_format_because(cell);
    g_string_append_printf(page, "<td class=\"%s\"", marks[cell->can].class);
    if (*because != '\0') {
        html_add(page, " title=\"%s\"", because);
    }
    g_string_append_printf(page, ">%s</td>", marks[cell->can].mark);
}

static void add_guest(GString *page, const fleet_report *report, size_t index,
                      const GArray *columns)
{
    const fleet_guest *guest = fleet_matrix_get_guests(report->matrix)->pdata[index];
    const struct fleet_verdict *verdict =
        report->guests != NULL ? report->guests->pdata[index] : NULL;
    size_t kind = fleet_matrix_get_kind(report->matrix, index);
    html_add(page, "<tr><td class=\"l\">%s</td><td class=\"l\">%s</td><td class=\"l\">%s</td>",
             guest->name, guest->host, verdict != NULL ? verdict->verdict : "");
    for (size_t c = 0; c < columns->len; c++) {
        const struct column *column = &g_array_index(columns, struct column, c);
        if (strcmp(column->name, guest->host) == 0) {
            g_string_append(page, "<td class=\"h\">·</td>");
        } else {
            add_cell(page, fleet_matrix_get(report->matrix, kind, column->kind));
        }
    }
    g_string_append(page, "</tr>\n");
}

/// Hosts that are in no column, and those that cannot be emptied.
static void add_stuck(GString *page, const GPtrArray *evacuate, const GPtrArray *silent)
{
    g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; silent != NULL && i < silent->len; i++) {
        const struct fleet_silent *one = silent->pdata[i];
        g_ptr_array_add(sentences, g_strdup_printf("'%s' did not answer, and its guests stand "
                                                   "nowhere here: %s",
                                                   one->host, one->why));
    }
    for (size_t i = 0; i < evacuate->len; i++) {
        const struct fleet_stuck *stuck = evacuate->pdata[i];
        fleet_stuck_describe(stuck, g_strv_length(stuck->guests), sentences);
    }
    for (size_t i = 0; i < sentences->len; i++) {
        html_add(page, "<li>%s</li>\n", (char *)sentences->pdata[i]);
    }
    if (page->len > 0) {
        g_string_prepend(page, "<ul class=\"stuck\">\n");
        g_string_append(page, "</ul>\n");
    }
}

static void add_names(GString *page, const char *what, char *const *names)
{
    g_autofree char *list = g_strjoinv(", ", (char **)names);
    if (*list != '\0') {
        html_add(page, "<p>%s: %s</p>\n", what, list);
    }
}

static void add_change(GString *page, const struct fleet_change *change)
{
    g_autofree char *then = fleet_change_describe(change, SIZE_MAX);
    html_add(page, "<tr><td class=\"l\">%s</td><td class=\"l\">%s</td>", change->name,
             change->host);
    char **const lists[] = {change->reach.loses, change->reach.gains};
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        size_t count = g_strv_length(lists[i]);
        g_autofree char *all = g_strjoinv(", ", lists[i]);
        g_autofree char *some = text_join_some((const char *const *)lists[i], count, CELL_NAMES);
        g_string_append(page, "<td class=\"l w\"");
        if (count > CELL_NAMES) {
            html_add(page, " title=\"%s\"", all);
        }
        html_add(page, ">%s</td>", some);
    }
    html_add(page, "<td class=\"l%s\">%s</td></tr>\n", change->reach.strands ? " n" : "", then);
}

/// What is rehearsed changes, and in which order it can be done.
static void add_rehearsal(GString *page, const fleet_report *report)
{
    const GPtrArray *changes = report->changes;
    const fleet_sequence *order = report->order;
    if (changes != NULL) {
        html_add(page, "<h2>What changes</h2>\n<div class=\"wide low\"><table><thead><tr>");
        html_add(page,
                 "<th class=\"l\">guest</th><th class=\"l\">on</th><th class=\"l\">loses</th>"
                 "<th class=\"l\">gains</th><th class=\"l\">then</th></tr></thead>\n<tbody>\n");
    }
    for (size_t i = 0; changes != NULL && i < changes->len; i++) {
        add_change(page, changes->pdata[i]);
    }
    g_string_append(page, changes != NULL ? "</tbody></table></div>\n" : "");
    if (order == NULL) {
        return;
    }
    html_add(page, "<h2>In which order nobody strands</h2>\n<p>%s</p>\n<ol>\n",
             order->found == ORDER_FOUND  ? "One host at a time:"
             : order->found == ORDER_NONE ? "There is none."
                                          : "None was found; not every one was tried.");
    for (size_t i = 0; i < order->steps->len; i++) {
        const struct fleet_step *step = order->steps->pdata[i];
        g_autofree char *names = g_strjoinv(", ", step->names);
        html_add(page, "<li>%s %s</li>\n", step->what, names);
    }
    g_string_append(page, "</ol>\n");
    add_names(page, "Strand in each", order->stranded);
    add_names(page, "Are stopped when their hosts change", order->stopped);
    add_names(page, "Cannot give the plan in the end", order->poorer);
}

char *fleet_page_format(const fleet_report *report)
{
    const inventory *hosts = fleet_matrix_get_hosts(report->matrix);
    const GPtrArray *guests = fleet_matrix_get_guests(report->matrix);
    g_autoptr(GArray) columns = list_columns(hosts);
    g_autoptr(GString) summary = g_string_new(NULL), stuck = g_string_new(NULL);
    g_autoptr(GString) rehearsal = g_string_new(NULL);
    g_autoptr(GString) heads = g_string_new(NULL), rows = g_string_new(NULL);
    html_add(summary, "%u guests, %u hosts", guests->len, columns->len);
    add_stuck(stuck, report->evacuate, report->silent);
    add_rehearsal(rehearsal, report);
    for (size_t c = 0; c < columns->len; c++) {
        html_add(heads, "<th class=\"v\"><span>%s</span></th>",
                 g_array_index(columns, struct column, c).name);
    }
    for (size_t i = 0; i < guests->len; i++) {
        add_guest(rows, report, i, columns);
    }
    const char *const values[][2] = {{"STYLE", templates[STYLE].text},
                                     {"SUMMARY", summary->str},
                                     {"REHEARSAL", rehearsal->str},
                                     {"STUCK", stuck->str},
                                     {"HOSTS", heads->str},
                                     {"ROWS", rows->str}};
    return html_fill(templates[PAGE].text, values, G_N_ELEMENTS(values));
}
