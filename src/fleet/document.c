// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/document.h"

#include "base/json.h"
#include "base/text.h"
#include "fleet/verdict.h"

#include <string.h>

#define STUCK(member)  RECORD_AT(struct fleet_stuck, member)
#define REPORT(member) RECORD_AT(fleet_report, member)
#define SILENT(member) RECORD_AT(struct fleet_silent, member)

static void stuck_free(void *item);

static const struct record stuck_record = {
    RECORD_ROWS({"host", &record_name, STUCK(host), RECORD_REQUIRED},
                {"guests", &record_strings, STUCK(guests), RECORD_REQUIRED,
                 .meaning = "that no other host is known to take"},
                {"room", &record_word, STUCK(room), RECORD_ALWAYS, .words = room_words,
                 .meaning = "whether the others find room elsewhere, all at once, in memory and "
                            "CPUs: `yes`, `no`, `not found` (not every way was tried) or "
                            "`unknown`"},
                {"memory", &record_uint, STUCK(need.memory), .meaning = "KiB that they need"},
                {"vcpus", &record_uint, STUCK(need.vcpus), .meaning = "that they have"}),
    .size = sizeof(struct fleet_stuck),
    .destroy = stuck_free,
};

static void stuck_free(void *item)
{
    record_free(&stuck_record, item);
}

void fleet_stuck_describe(const struct fleet_stuck *stuck, size_t names_max, GPtrArray *sentences)
{
    size_t count = g_strv_length(stuck->guests);
    if (count > 0) {
        g_autofree char *names =
            text_join_some((const char *const *)stuck->guests, count, MIN(names_max, count));
        g_ptr_array_add(sentences,
                        g_strdup_printf("'%s' cannot be evacuated: %s can go to no other host",
                                        stuck->host, names));
    }
    if (stuck->room >= ROOM_NOT_FOUND) {
        g_ptr_array_add(
            sentences,
            g_strdup_printf(
                "'%s' cannot be emptied at once: %s elsewhere for the %" G_GUINT64_FORMAT
                " MiB and %" G_GUINT64_FORMAT " vCPUs of its guests%s",
                stuck->host, stuck->room == ROOM_NO ? "there is no room" : "no room was found",
                stuck->need.memory / 1024, stuck->need.vcpus,
                stuck->room == ROOM_NO ? "" : " (not every way was tried)"));
    }
}

RECORD_ITEM(silent_record, struct fleet_silent,
            {"host", &record_name, SILENT(host), RECORD_REQUIRED},
            {"why", &record_string, SILENT(why), RECORD_REQUIRED})

static const struct record cell_record = {
    RECORD_ROWS({"guest", &record_string, .flags = RECORD_REQUIRED},
                {"from", &record_name, .flags = RECORD_REQUIRED},
                {"to", &record_name, .flags = RECORD_REQUIRED},
                {"can", &record_string, .flags = RECORD_REQUIRED,
                 .meaning = "`yes`, `no`, or `unknown`, which is never a yes"},
                {"because", &record_list, .flags = RECORD_REQUIRED,
                 .record = &fleet_obstacle_record,
                 .meaning = "what is in the way, or not known: `feature`, `model`, `width`, "
                            "`machine`, `vendor`, `topology` or `libvirt`, and its names"},
                {"libvirt", &record_string,
                 .meaning = "what libvirt at `to` says to the CPU alone (`yes`, `no`, `unknown`): "
                            "no verdict; absent: it was not asked"},
                {"libvirt_why", &record_string, .meaning = "in its words"}),
};

const struct record fleet_report_record = {
    .schema = "cpulift.verdict/1",
    RECORD_ROWS(
        {"guests", &record_list, REPORT(guests), .record = &fleet_verdict_record,
         .meaning = "absent: held against no plan"},
        {"cells", &record_list, .record = &cell_record, .meaning = "each guest × each other host"},
        {"evacuate", &record_list, REPORT(evacuate), RECORD_REQUIRED, .record = &stuck_record,
         .meaning = "each host that has guests"},
        {"rehearsal", &record_list, REPORT(changes), .record = &fleet_change_record,
         .meaning = "each guest for which something changes; all else is as it would be then; "
                    "absent: nothing is rehearsed"},
        {"order", &record_pointer, REPORT(order), .record = &fleet_sequence_record,
         .meaning = "of what is rehearsed, in which nobody strands; absent: not asked for"},
        {"silent", &record_list, REPORT(silent), .record = &silent_record,
         .meaning = "hosts that were asked and did not answer; absent: none"}),
    .size = sizeof(fleet_report),
};

static int compare_stuck(const void *a, const void *b)
{
    const struct fleet_stuck *const *sa = a, *const *sb = b;
    return strcmp((*sa)->host, (*sb)->host);
}

/// Lists, for each host with guests, those that no other takes.
static GPtrArray *list_stuck(const fleet_matrix *matrix, const GPtrArray *guests,
                             const fleet_rooms *rooms)
{
    g_autoptr(GHashTable) by_host =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    for (size_t i = 0; i < guests->len; i++) {
        const fleet_guest *guest = guests->pdata[i];
        GPtrArray *names = g_hash_table_lookup(by_host, guest->host);
        if (names == NULL) {
            names = g_ptr_array_new();
            g_hash_table_insert(by_host, guest->host, names);
        }
        if (fleet_matrix_count_targets(matrix, i, FLEET_YES) == 0) {
            g_ptr_array_add(names, guest->name);
        }
    }
    GPtrArray *list = g_ptr_array_new_with_free_func(stuck_free);
    GHashTableIter iter;
    void *host, *names;
    g_hash_table_iter_init(&iter, by_host);
    while (g_hash_table_iter_next(&iter, &host, &names)) {
        struct fleet_stuck *stuck = record_new(&stuck_record);
        stuck->host = g_strdup(host);
        record_merge_strings(&stuck->guests, names);
        stuck->guests = stuck->guests != NULL ? stuck->guests : g_new0(char *, 1);
        stuck->room = fleet_rooms_find(rooms, stuck->host, &stuck->need);
        g_ptr_array_add(list, stuck);
    }
    g_ptr_array_sort(list, compare_stuck);
    return list;
}

/// Each guest against the plan: those that it means once for each kind.
static GPtrArray *list_verdicts(const fleet_matrix *matrix, const cpulift_plan *plan)
{
    const GPtrArray *guests = fleet_matrix_get_guests(matrix);
    GPtrArray *verdicts = g_ptr_array_new_with_free_func(fleet_verdict_record.destroy);
    g_autofree const struct fleet_verdict **known =
        g_new0(const struct fleet_verdict *, fleet_matrix_count_kinds(matrix));
    for (size_t i = 0; i < guests->len; i++) {
        const fleet_guest *guest = guests->pdata[i];
        const struct fleet_verdict **of_kind = &known[fleet_matrix_get_kind(matrix, i)];
        bool is_meant = plan_means_guest(plan, guest->name);
        struct fleet_verdict *verdict =
            is_meant && *of_kind != NULL
                ? fleet_verdict_copy(*of_kind, guest)
                : fleet_verdict_find(guest, plan, fleet_matrix_get_map(matrix));
        *of_kind = is_meant ? verdict : *of_kind;
        g_ptr_array_add(verdicts, verdict);
    }
    return verdicts;
}

fleet_report *fleet_report_new(const fleet_matrix *matrix, const cpulift_plan *plan,
                               const fleet_rooms *rooms)
{
    fleet_report *report = g_new0(fleet_report, 1);
    const GPtrArray *guests = fleet_matrix_get_guests(matrix);
    report->matrix = matrix;
    report->evacuate = list_stuck(matrix, guests, rooms);
    report->guests = plan != NULL ? list_verdicts(matrix, plan) : NULL;
    return report;
}

void fleet_report_add_silent(fleet_report *report, const char *host, const char *why)
{
    if (report->silent == NULL) {
        report->silent = g_ptr_array_new_with_free_func(silent_record.destroy);
    }
    struct fleet_silent *silent = record_new(&silent_record);
    *silent = (struct fleet_silent){g_strdup(host), g_strdup(why)};
    g_ptr_array_add(report->silent, silent);
}

void fleet_report_free(fleet_report *report)
{
    if (report != NULL) {
        g_clear_pointer(&report->guests, g_ptr_array_unref);
        g_clear_pointer(&report->changes, g_ptr_array_unref);
        record_free(&fleet_sequence_record, report->order);
        g_clear_pointer(&report->silent, g_ptr_array_unref);
        g_ptr_array_unref(report->evacuate);
        g_free(report);
    }
}

bool fleet_report_is_good(const fleet_report *report)
{
    for (size_t i = 0; report->guests != NULL && i < report->guests->len; i++) {
        const struct fleet_verdict *one = report->guests->pdata[i];
        if (strcmp(one->verdict, "tuned") != 0 && strcmp(one->verdict, "own") != 0) {
            return false;
        }
    }
    if (report->order != NULL && report->order->found != ORDER_FOUND) {
        return false;
    }
    for (size_t i = 0; report->changes != NULL && i < report->changes->len; i++) {
        if (((const struct fleet_change *)report->changes->pdata[i])->reach.strands) {
            return false;
        }
    }
    for (size_t i = 0; i < report->evacuate->len; i++) {
        const struct fleet_stuck *stuck = report->evacuate->pdata[i];
        if (*stuck->guests != NULL || stuck->room >= ROOM_NOT_FOUND) {
            return false;
        }
    }
    return true;
}

/// Of a pair of kinds: a cell up to its names, and what stands between them.
struct cell_text {
    char *head, *middle;
};

/// What a writer goes by.
struct writer {
    const fleet_report *report;
    json_dump_callback_t put;
    void *data;
    struct cell_text *texts; ///< kinds of guests × kinds of hosts, made once each
    bool is_begun;
};

static int put_text(const struct writer *writer, const char *text)
{
    return writer->put(text, strlen(text), writer->data);
}

static char *format_head(const fleet_cell *cell)
{
    g_autoptr(json_t) because = json_array();
    for (size_t i = 0; i < cell->because->len; i++) {
        json_array_append_new(because,
                              record_format(&fleet_obstacle_record, cell->because->pdata[i], NULL));
    }
    g_autofree char *text = json_format_document(because);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    g_autofree char *indented = g_strjoinv("\n      ", lines);
    return g_strdup_printf(
        "    {\n      \"because\": %s,\n      \"can\": \"%s\",\n      \"from\": ", indented,
        fleet_can_to_string(cell->can));
}

/// A string as JSON has it. The caller's.
static char *quote(const char *text)
{
    g_autoptr(json_t) string = json_string(text);
    return g_strchomp(json_format_line(string));
}

/// What libvirt says, as members.
static char *format_middle(const fleet_cell *cell)
{
    if (cell->said == NULL) {
        return g_strdup("");
    }
    g_autofree char *why = cell->said->why != NULL ? quote(cell->said->why) : NULL;
    return g_strdup_printf(",\n      \"libvirt\": \"%s\"%s%s", fleet_can_to_string(cell->said->can),
                           why != NULL ? ",\n      \"libvirt_why\": " : "", why != NULL ? why : "");
}

/// The cells of a guest, for the hosts of one kind.
static int write_cells(struct writer *writer, size_t guest, size_t host_kind, const char *from,
                       const char *name)
{
    const fleet_matrix *matrix = writer->report->matrix;
    const inventory *hosts = fleet_matrix_get_hosts(matrix);
    const fleet_guest *one = fleet_matrix_get_guests(matrix)->pdata[guest];
    const struct host_kind *kind = hosts->kinds->pdata[host_kind];
    size_t guest_kind = fleet_matrix_get_kind(matrix, guest);
    const fleet_cell *cell = fleet_matrix_get(matrix, guest_kind, host_kind);
    struct cell_text *text = &writer->texts[guest_kind * hosts->kinds->len + host_kind];
    *text = text->head != NULL ? *text : (struct cell_text){format_head(cell), format_middle(cell)};
    for (size_t h = 0; h < kind->names->len; h++) {
        if (strcmp(kind->names->pdata[h], one->host) == 0) {
            continue;
        }
        const char *const parts[] = {writer->is_begun ? ",\n" : "\n",
                                     text->head,
                                     from,
                                     ",\n      \"guest\": ",
                                     name,
                                     text->middle,
                                     ",\n      \"to\": \"",
                                     kind->names->pdata[h],
                                     "\"\n    }"};
        writer->is_begun = true;
        for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
            TRY(put_text(writer, parts[i]));
        }
    }
    return 0;
}

static int write_all(struct writer *writer)
{
    const fleet_matrix *matrix = writer->report->matrix;
    const GPtrArray *guests = fleet_matrix_get_guests(matrix);
    size_t width = fleet_matrix_get_hosts(matrix)->kinds->len;
    for (size_t g = 0; g < guests->len; g++) {
        const fleet_guest *guest = guests->pdata[g];
        g_autofree char *name = quote(guest->name), *from = quote(guest->host);
        for (size_t h = 0; h < width; h++) {
            TRY(write_cells(writer, g, h, from, name));
        }
    }
    return 0;
}

int fleet_report_write(const fleet_report *report, json_dump_callback_t put, void *data)
{
    size_t count = fleet_matrix_count_kinds(report->matrix) *
                   fleet_matrix_get_hosts(report->matrix)->kinds->len;
    // "cells" is the first of the sorted members.
    g_autoptr(json_t) rest = record_format(&fleet_report_record, report, NULL);
    g_autofree char *text = json_format_document(rest);
    struct writer writer = {report, put, data, g_new0(struct cell_text, count), false};
    int rc = put_text(&writer, "{\n  \"cells\": [");
    rc = rc == 0 ? write_all(&writer) : rc;
    rc = rc == 0 ? put_text(&writer, writer.is_begun ? "\n  ],\n" : "],\n") : rc;
    rc = rc == 0 ? put_text(&writer, text + strlen("{\n")) : rc;
    for (size_t i = 0; i < count; i++) {
        g_free(writer.texts[i].head);
        g_free(writer.texts[i].middle);
    }
    g_free(writer.texts);
    return rc;
}
