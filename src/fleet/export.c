// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/export.h"

#include "base/metrics.h"
#include "fleet/verdict.h"

#include <string.h>

static const char *const verdicts[] = {"tuned", "stale", "foreign", "own", "unknown"};

const char *const *fleet_export_list_verdicts(size_t *ret_count)
{
    *ret_count = G_N_ELEMENTS(verdicts);
    return verdicts;
}

static size_t count_verdicts(const fleet_report *report, const char *verdict)
{
    size_t count = 0;
    for (size_t i = 0; report->guests != NULL && i < report->guests->len; i++) {
        const struct fleet_verdict *one = report->guests->pdata[i];
        count += strcmp(one->verdict, verdict) == 0;
    }
    return count;
}

static size_t count_stuck(const fleet_report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->evacuate->len; i++) {
        count += g_strv_length(((const struct fleet_stuck *)report->evacuate->pdata[i])->guests);
    }
    return count;
}

/// Hosts whose guests have this answer to whether there is room for them elsewhere.
static size_t count_rooms(const fleet_report *report, enum room_answer room)
{
    size_t count = 0;
    for (size_t i = 0; i < report->evacuate->len; i++) {
        count += ((const struct fleet_stuck *)report->evacuate->pdata[i])->room == room;
    }
    return count;
}

/// Guests that what is rehearsed would strand.
static size_t count_stranded(const fleet_report *report)
{
    size_t count = 0;
    for (size_t i = 0; report->changes != NULL && i < report->changes->len; i++) {
        count += ((const struct fleet_change *)report->changes->pdata[i])->reach.strands;
    }
    return count;
}

static unsigned count_silent(const fleet_report *report)
{
    return report->silent != NULL ? report->silent->len : 0;
}

/// Guests × other hosts with this answer.
static size_t count_cells(const fleet_report *report, enum fleet_can can)
{
    size_t guests = fleet_matrix_get_guests(report->matrix)->len, count = 0;
    for (size_t g = 0; g < guests; g++) {
        count += fleet_matrix_count_targets(report->matrix, g, can);
    }
    return count;
}

/// A host of which it is not known has no sample.
static void add_rooms(GString *out, const fleet_report *report)
{
    metrics_add_family(out, "cpulift_evacuations", "gauge",
                       "Hosts by whether there is room elsewhere for all their guests at once.");
    for (enum room_answer room = ROOM_UNKNOWN; room <= ROOM_NO; room++) {
        metrics_add(out, "cpulift_evacuations", "room", room_words[room],
                    (double)count_rooms(report, room));
    }
    metrics_add_family(out, "cpulift_without_room", "gauge",
                       "1 where no room was found elsewhere for all guests of a host at once.");
    for (size_t i = 0; i < report->evacuate->len; i++) {
        const struct fleet_stuck *stuck = report->evacuate->pdata[i];
        if (stuck->room != ROOM_UNKNOWN) {
            metrics_add(out, "cpulift_without_room", "host", stuck->host,
                        stuck->room >= ROOM_NOT_FOUND);
        }
    }
}

char *fleet_export_metrics(const fleet_report *report)
{
    GString *out = g_string_new(NULL);
    if (report->guests != NULL) {
        metrics_add_family(out, FLEET_EXPORT_GUESTS, "gauge", FLEET_EXPORT_GUESTS_HELP);
        for (size_t i = 0; i < G_N_ELEMENTS(verdicts); i++) {
            metrics_add(out, FLEET_EXPORT_GUESTS, "verdict", verdicts[i],
                        (double)count_verdicts(report, verdicts[i]));
        }
    }
    metrics_add_family(out, "cpulift_moves", "gauge",
                       "Guests times other hosts by whether the one can go to the other.");
    for (enum fleet_can can = FLEET_YES; can <= FLEET_NO; can++) {
        metrics_add(out, "cpulift_moves", "can", fleet_can_to_string(can),
                    (double)count_cells(report, can));
    }
    metrics_add_family(out, "cpulift_stuck_guests", "gauge",
                       "Guests of a host that no other host is known to take.");
    for (size_t i = 0; i < report->evacuate->len; i++) {
        const struct fleet_stuck *stuck = report->evacuate->pdata[i];
        metrics_add(out, "cpulift_stuck_guests", "host", stuck->host, g_strv_length(stuck->guests));
    }
    add_rooms(out, report);
    metrics_add_family(out, "cpulift_silent_hosts", "gauge", "Hosts that did not answer.");
    metrics_add(out, "cpulift_silent_hosts", NULL, NULL, count_silent(report));
    return g_string_free(out, FALSE);
}

char *fleet_export_nagios(const fleet_report *report, enum fleet_alarm *ret_alarm)
{
    static const char *const words[] = {[FLEET_OK] = "OK",
                                        [FLEET_WARNING] = "WARNING",
                                        [FLEET_CRITICAL] = "CRITICAL",
                                        [FLEET_BLIND] = "UNKNOWN"};
    size_t stuck = count_stuck(report), stale = count_verdicts(report, "stale");
    size_t foreign = count_verdicts(report, "foreign"), unknown = count_verdicts(report, "unknown");
    size_t without = count_rooms(report, ROOM_NO), not_found = count_rooms(report, ROOM_NOT_FOUND);
    size_t stranded = count_stranded(report);
    *ret_alarm = foreign + stuck + without + stranded > 0 ? FLEET_CRITICAL
                 : count_silent(report) != 0              ? FLEET_BLIND
                 : stale + unknown + not_found > 0        ? FLEET_WARNING
                                                          : FLEET_OK;
    GString *out = g_string_new(NULL);
    g_string_printf(out,
                    "CPULIFT %s - %u guests, %zu foreign, %zu stale, %zu unknown, %zu cannot leave "
                    "their hosts, %zu hosts without room elsewhere",
                    words[*ret_alarm], fleet_matrix_get_guests(report->matrix)->len, foreign, stale,
                    unknown, stuck, without + not_found);
    if (stranded > 0) {
        g_string_append_printf(out, ", %zu would strand", stranded);
    }
    if (count_silent(report) > 0) {
        g_string_append_printf(out, ", %u hosts silent", count_silent(report));
    }
    g_string_append(out, " |");
    for (size_t i = 0; i < G_N_ELEMENTS(verdicts); i++) {
        g_string_append_printf(out, " %s=%zu", verdicts[i], count_verdicts(report, verdicts[i]));
    }
    g_string_append_printf(out, " stuck=%zu without_room=%zu\n", stuck, without + not_found);
    return g_string_free(out, FALSE);
}
