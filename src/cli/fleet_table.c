// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/fleet_table.h"

#include "base/text.h"
#include "cli/table.h"
#include "fleet/verdict.h"

#include <string.h>

/// So many names stand in a cell.
#define NAMES_MAX 4

/// Guests that are alike: of one host, kind and verdict.
struct row {
    GPtrArray *names;
    const fleet_guest *guest;            ///< the first of them
    const struct fleet_verdict *verdict; ///< NULL: held against no plan
    size_t kind;
};

static void row_free(void *data)
{
    struct row *row = data;
    g_ptr_array_unref(row->names);
    g_free(row);
}

/// Rows in the order of their first guests.
static GPtrArray *group(const fleet_report *report)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
    const GPtrArray *guests = fleet_matrix_get_guests(report->matrix);
    for (size_t i = 0; i < guests->len; i++) {
        const fleet_guest *guest = guests->pdata[i];
        const struct fleet_verdict *verdict =
            report->guests != NULL ? report->guests->pdata[i] : NULL;
        size_t kind = fleet_matrix_get_kind(report->matrix, i);
        g_autofree char *key = g_strdup_printf(
            "%zu/%s/%s/%s", kind, guest->host, verdict != NULL ? verdict->verdict : "",
            verdict != NULL && verdict->why != NULL ? verdict->why : "");
        struct row *row = g_hash_table_lookup(seen, key);
        if (row == NULL) {
            row = g_new0(struct row, 1);
            *row = (struct row){g_ptr_array_new(), guest, verdict, kind};
            g_hash_table_insert(seen, g_steal_pointer(&key), row);
            g_ptr_array_add(rows, row);
        }
        g_ptr_array_add(row->names, guest->name);
    }
    return rows;
}

static char *join(const GPtrArray *names)
{
    return text_join_some((const char *const *)names->pdata, names->len,
                          MIN(NAMES_MAX, names->len));
}

/// "has avx2, lacks aes; model Nehalem …"
static char *describe(const struct fleet_verdict *verdict)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const struct {
        const char *word;
        char **names;
    } lists[] = {{"has", verdict->extra}, {"lacks", verdict->missing}};
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        if (*lists[i].names != NULL) {
            g_autofree char *names = g_strjoinv(" ", lists[i].names);
            g_string_append_printf(text, "%s%s %s", text->len > 0 ? "; " : "", lists[i].word,
                                   names);
        }
    }
    if (verdict->why != NULL) {
        g_string_append_printf(text, "%s%s", text->len > 0 ? "; " : "", verdict->why);
    }
    return g_strdup(text->str);
}

static char *format_verdicts(const GPtrArray *rows)
{
    static const char *const headers[] = {"GUESTS", "ON", "VERDICT", "WHY", NULL};
    g_autoptr(table) t = table_new(headers);
    for (size_t i = 0; i < rows->len; i++) {
        const struct row *row = rows->pdata[i];
        g_autofree char *names = join(row->names), *why = describe(row->verdict);
        const char *const cells[] = {names, row->guest->host, row->verdict->verdict, why};
        table_add(t, cells);
        bool is_well = strcmp(cells[2], "tuned") == 0 || strcmp(cells[2], "own") == 0;
        table_add_color(t, 2, is_well ? "green" : "red");
    }
    return table_format(t);
}

/// The hosts of a kind but one.
static GPtrArray *list_others(const struct host_kind *kind, const char *home)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < kind->names->len; i++) {
        if (strcmp(kind->names->pdata[i], home) != 0) {
            g_ptr_array_add(names, kind->names->pdata[i]);
        }
    }
    return names;
}

/// All that stops it, and what libvirt there says where that is not the same.
static char *explain(const fleet_cell *cell)
{
    char *because = fleet_cell_format_because(cell);
    if (!fleet_cell_is_disputed(cell)) {
        return because;
    }
    g_autofree char *ours = because;
    return g_strdup_printf("%s%s(libvirt says %s%s%s)", ours, *ours != '\0' ? " " : "",
                           fleet_can_to_string(cell->said->can),
                           cell->said->why != NULL ? ": " : "",
                           cell->said->why != NULL ? cell->said->why : "");
}

/// A line for each answer and its reasons: hosts of which the same is said stand together.
static void add_targets(table *t, const struct row *row, const fleet_matrix *matrix)
{
    const inventory *hosts = fleet_matrix_get_hosts(matrix);
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    for (size_t h = 0; h < hosts->kinds->len; h++) {
        const fleet_cell *cell = fleet_matrix_get(matrix, row->kind, h);
        g_autofree char *because = explain(cell);
        char *key = g_strdup_printf("%s\t%s", fleet_can_to_string(cell->can), because);
        g_autoptr(GPtrArray) others = list_others(hosts->kinds->pdata[h], row->guest->host);
        GPtrArray *names = g_hash_table_lookup(seen, key);
        if (names == NULL && others->len > 0) {
            names = g_ptr_array_new();
            g_hash_table_insert(seen, key, names);
            g_ptr_array_add(order, key);
        } else {
            g_free(key);
        }
        for (size_t i = 0; i < others->len; i++) {
            g_ptr_array_add(names, others->pdata[i]);
        }
    }
    g_autofree char *guests = join(row->names);
    for (size_t i = 0; i < order->len; i++) {
        g_auto(GStrv) parts = g_strsplit(order->pdata[i], "\t", 2);
        GPtrArray *names = g_hash_table_lookup(seen, order->pdata[i]);
        g_ptr_array_sort(names, text_compare);
        g_autofree char *targets = join(names);
        const char *const cells[] = {i == 0 ? guests : "", i == 0 ? row->guest->host : "", parts[0],
                                     targets, parts[1]};
        table_add(t, cells);
        table_add_color(t, 2, strcmp(parts[0], "yes") == 0 ? "green" : "red");
    }
}

static char *format_matrix(const GPtrArray *rows, const fleet_matrix *matrix)
{
    static const char *const headers[] = {"GUESTS", "FROM", "CAN", "TO", "BECAUSE", NULL};
    g_autoptr(table) t = table_new(headers);
    for (size_t i = 0; i < rows->len; i++) {
        add_targets(t, rows->pdata[i], matrix);
    }
    return table_format(t);
}

/// A line for guests of a host for which the same changes.
static char *format_changes(const GPtrArray *changes)
{
    static const char *const headers[] = {"GUESTS", "ON", "LOSES", "GAINS", "THEN", NULL};
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GPtrArray) order = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < changes->len; i++) {
        const struct fleet_change *one = changes->pdata[i];
        size_t lost = g_strv_length(one->reach.loses), gained = g_strv_length(one->reach.gains);
        g_autofree char *loses =
            text_join_some((const char *const *)one->reach.loses, lost, MIN(NAMES_MAX, lost));
        g_autofree char *gains =
            text_join_some((const char *const *)one->reach.gains, gained, MIN(NAMES_MAX, gained));
        g_autofree char *then = fleet_change_describe(one, NAMES_MAX);
        g_autofree char *key = g_strjoin("\t", one->host, loses, gains, then, NULL);
        GPtrArray *names = g_hash_table_lookup(seen, key);
        if (names == NULL) {
            names = g_ptr_array_new();
            g_ptr_array_add(order, key);
            g_hash_table_insert(seen, g_steal_pointer(&key), names);
        }
        g_ptr_array_add(names, one->name);
    }
    g_autoptr(table) t = table_new(headers);
    for (size_t i = 0; i < order->len; i++) {
        g_auto(GStrv) parts = g_strsplit(order->pdata[i], "\t", -1);
        g_autofree char *names = join(g_hash_table_lookup(seen, order->pdata[i]));
        const char *const cells[] = {names, parts[0], parts[1], parts[2], parts[3]};
        table_add(t, cells);
        if (g_str_has_prefix(parts[3], "strands")) {
            table_add_color(t, 4, "red");
        }
    }
    return order->len > 0 ? table_format(t) : g_strdup("Nothing changes for any guest\n");
}

static void add_stuck(GString *out, const GPtrArray *evacuate)
{
    g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) unknown = g_ptr_array_new();
    for (size_t i = 0; i < evacuate->len; i++) {
        const struct fleet_stuck *stuck = evacuate->pdata[i];
        fleet_stuck_describe(stuck, NAMES_MAX, sentences);
        if (stuck->room == ROOM_UNKNOWN) {
            g_ptr_array_add(unknown, stuck->host);
        }
    }
    for (size_t i = 0; i < sentences->len; i++) {
        g_string_append_printf(out, "%s\n", (char *)sentences->pdata[i]);
    }
    if (unknown->len > 0) {
        g_autofree char *names = join(unknown);
        g_string_append_printf(out,
                               "Whether there is room elsewhere for all guests of %s is not known: "
                               "hosts or guests do not say what they have; scan again\n",
                               names);
    }
}

/// A line of the text and the names, if there are any.
static void add_names(GString *out, const char *text, char *const *names)
{
    size_t count = g_strv_length((char **)names);
    g_autofree char *list =
        text_join_some((const char *const *)names, count, MIN(NAMES_MAX, count));
    if (count > 0) {
        g_string_append_printf(out, "%s: %s\n", text, list);
    }
}

static void add_order(GString *out, const fleet_sequence *order)
{
    static const char *const headers[] = {"STEP", "WHAT", "WHICH", NULL};
    g_autoptr(table) t = table_new(headers);
    for (size_t i = 0; order->steps != NULL && i < order->steps->len; i++) {
        const struct fleet_step *step = order->steps->pdata[i];
        g_autofree char *number = g_strdup_printf("%zu", i + 1);
        g_autofree char *names = g_strjoinv(", ", step->names);
        const char *const cells[] = {number, step->what, names};
        table_add(t, cells);
    }
    if (order->found == ORDER_FOUND && order->steps != NULL && order->steps->len > 0) {
        g_autofree char *text = table_format(t);
        g_string_append(out, text);
    } else if (order->found == ORDER_UNKNOWN) {
        g_string_append(out,
                        "No order was found in which nobody strands; not every one was tried\n");
    } else if (order->found == ORDER_NONE && order->stranded[0] == NULL) {
        g_string_append(out, "There is no order in which nobody strands: what saves some guests "
                             "strands others\n");
    }
    add_names(out, "There is no order in which nobody strands; in each do", order->stranded);
    add_names(out, "Cannot leave their hosts even now, and are stopped when these change",
              order->stopped);
    add_names(out, "Cannot give the plan in the end, and take no guest that has its CPU",
              order->poorer);
    g_string_append_c(out, '\n');
}

char *fleet_table_format(const fleet_report *report)
{
    g_autoptr(GPtrArray) rows = group(report);
    g_autoptr(GString) out = g_string_new(NULL);
    if (report->changes != NULL) {
        g_autofree char *changes = format_changes(report->changes);
        g_string_append_printf(out, "%s\n", changes);
    }
    if (report->order != NULL) {
        add_order(out, report->order);
    }
    if (report->guests != NULL) {
        g_autofree char *verdicts = format_verdicts(rows);
        g_string_append_printf(out, "%s\n", verdicts);
    }
    g_autofree char *matrix = format_matrix(rows, report->matrix);
    g_string_append(out, matrix);
    size_t disputed = fleet_matrix_count_disputed(report->matrix);
    if (disputed > 0) {
        g_string_append_printf(out,
                               "libvirt's own comparison says otherwise in %zu cases; it sees the "
                               "CPU's words alone, and is no verdict\n",
                               disputed);
    }
    add_stuck(out, report->evacuate);
    return g_strdup(out->str);
}
