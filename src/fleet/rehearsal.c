// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/rehearsal.h"

#include "base/text.h"
#include "fleet/places.h"
#include "fleet/verdict.h"

#include <string.h>

#define REACH(member)  RECORD_AT(struct fleet_reach, member)
#define CHANGE(member) RECORD_AT(struct fleet_change, member)

static const struct record reach_record = {
    RECORD_ROWS({"loses", &record_strings, REACH(loses), RECORD_ALWAYS,
                 .meaning = "hosts that can run it now, its own among them, and then cannot"},
                {"gains", &record_strings, REACH(gains), RECORD_ALWAYS,
                 .meaning = "hosts that can run it then, and now cannot"},
                {"strands", &record_bool, REACH(strands), RECORD_ALWAYS,
                 .meaning = "it can leave its host now; then fewer than two hosts can run it"}),
    .size = sizeof(struct fleet_reach),
};

static void change_free(void *item);

const struct record fleet_change_record = {
    RECORD_ROWS({"name", &record_string, CHANGE(name), RECORD_REQUIRED},
                {"host", &record_name, CHANGE(host), RECORD_REQUIRED},
                {"running", &record_object, CHANGE(reach), .record = &reach_record,
                 .meaning = "with the CPU that it has"},
                {"restarted", &record_pointer, CHANGE(restarted), .record = &reach_record,
                 .meaning = "after a power cycle under the plan; absent: the plan is not its"},
                {"needs_restart", &record_bool, CHANGE(needs_restart), RECORD_ALWAYS,
                 .meaning = "its CPU is not that of the plan that is rehearsed"}),
    .size = sizeof(struct fleet_change),
    .destroy = change_free,
};

static void change_free(void *item)
{
    record_free(&fleet_change_record, item);
}

/// What all guests are held against.
struct stage {
    const struct fleet_rehearsal *of;
    const fleet_places *places;
    fleet_matrix *restarted; ///< of the guests as they would be after a power cycle, and `after`
    GPtrArray *guests;       ///< of `restarted`; fleet_guest *
};

/// The guests after a power cycle on their hosts; one that the plan is not for stays as it is.
static GPtrArray *restart_all(const struct fleet_rehearsal *of)
{
    const GPtrArray *guests = fleet_matrix_get_guests(of->after);
    const inventory *hosts = fleet_matrix_get_hosts(of->after);
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)fleet_guest_free);
    for (size_t i = 0; i < guests->len; i++) {
        const fleet_guest *guest = guests->pdata[i];
        const struct host_kind *home = inventory_find(hosts, guest->host);
        const char *version = home != NULL ? home->host->qemu_version : NULL;
        unsigned qemu = version != NULL ? text_parse_version(version) : 0;
        g_ptr_array_add(list,
                        fleet_guest_restart(guest, of->plan, guest_choose_qemu(of->plan, qemu)));
    }
    return list;
}

static struct fleet_reach find_reach(const struct stage *stage, const fleet_matrix *then,
                                     size_t guest, bool is_running)
{
    const char *home = ((const fleet_guest *)fleet_matrix_get_guests(then)->pdata[guest])->host;
    g_autoptr(GPtrArray) loses = g_ptr_array_new(), gains = g_ptr_array_new();
    struct fleet_reach reach = {0};
    size_t before = 0, after = 0;
    for (size_t i = 0; i < stage->places->len; i++) {
        const struct fleet_place *place = &g_array_index(stage->places, struct fleet_place, i);
        bool is_home = strcmp(place->name, home) == 0;
        bool could = place->before != FLEET_NOWHERE &&
                     (is_home || fleet_places_can(stage->of->before, guest, place->before));
        bool stays = is_home && is_running && !place->is_changed && could;
        bool can =
            place->after != FLEET_NOWHERE && (stays || fleet_places_can(then, guest, place->after));
        before += could;
        after += can;
        if (could != can) {
            g_ptr_array_add(could ? loses : gains, (char *)place->name);
        }
    }
    record_merge_strings(&reach.loses, loses);
    record_merge_strings(&reach.gains, gains);
    reach.strands = before >= 2 && after < 2;
    return reach;
}

static bool is_empty(const struct fleet_reach *reach)
{
    return reach == NULL || (reach->loses[0] == NULL && reach->gains[0] == NULL);
}

static struct fleet_change *find_change(const struct stage *stage, size_t guest)
{
    const struct fleet_rehearsal *of = stage->of;
    const fleet_guest *one = fleet_matrix_get_guests(of->after)->pdata[guest];
    struct fleet_change *change = record_new(&fleet_change_record);
    change->name = g_strdup(one->name);
    change->host = g_strdup(one->host);
    change->reach = find_reach(stage, of->after, guest, true);
    const struct fleet_verdict *verdict = of->plan != NULL ? of->verdicts->pdata[guest] : NULL;
    if (verdict != NULL && strcmp(verdict->verdict, "own") != 0) {
        change->restarted = g_new0(struct fleet_reach, 1);
        *change->restarted = find_reach(stage, stage->restarted, guest, false);
        change->needs_restart = of->is_other_plan && strcmp(verdict->verdict, "tuned") != 0;
    }
    return change;
}

GPtrArray *fleet_rehearse(const struct fleet_rehearsal *rehearsal)
{
    g_autoptr(fleet_places) places = fleet_places_new(fleet_matrix_get_hosts(rehearsal->before),
                                                      fleet_matrix_get_hosts(rehearsal->after));
    struct stage stage = {.of = rehearsal, .places = places};
    GPtrArray *changes = g_ptr_array_new_with_free_func(change_free);
    if (rehearsal->plan != NULL) {
        stage.guests = restart_all(rehearsal);
        stage.restarted = fleet_matrix_new(fleet_matrix_get_hosts(rehearsal->after), stage.guests,
                                           fleet_matrix_get_map(rehearsal->after));
    }
    for (size_t i = 0; i < fleet_matrix_get_guests(rehearsal->after)->len; i++) {
        struct fleet_change *change = find_change(&stage, i);
        bool is_one = !is_empty(&change->reach) || change->needs_restart ||
                      (rehearsal->is_other_plan && !is_empty(change->restarted));
        if (is_one) {
            g_ptr_array_add(changes, change);
        } else {
            change_free(change);
        }
    }
    fleet_matrix_free(stage.restarted);
    g_clear_pointer(&stage.guests, g_ptr_array_unref);
    return changes;
}

static void add_reach(GString *text, const char *word, char *const *names, size_t names_max)
{
    size_t count = g_strv_length((char **)names);
    g_autofree char *list =
        text_join_some((const char *const *)names, count, MIN(names_max, count));
    g_string_append_printf(text, "%s %s", word, list);
}

char *fleet_change_describe(const struct fleet_change *change, size_t names_max)
{
    const struct fleet_reach *again = change->restarted;
    GString *text = g_string_new(change->reach.strands ? "strands" : NULL);
    if (again != NULL && change->reach.strands) {
        g_string_append(text, again->strands ? ", after a power cycle too"
                                             : ", but not after a power cycle");
    }
    if (again != NULL && change->needs_restart) {
        bool loses = again->loses[0] != NULL, gains = again->gains[0] != NULL;
        g_string_append_printf(text, "%sneeds a power cycle%s", text->len > 0 ? "; " : "",
                               loses || gains ? "; after it" : "");
        if (loses) {
            add_reach(text, " loses", again->loses, names_max);
        }
        if (gains) {
            add_reach(text, loses ? " and gains" : " gains", again->gains, names_max);
        }
    }
    return g_string_free(text, FALSE);
}
