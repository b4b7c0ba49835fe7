// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/sequence.h"

#include "base/text.h"
#include "fleet/places.h"
#include "fleet/verdict.h"

#include <string.h>

#define STEP(member)     RECORD_AT(struct fleet_step, member)
#define SEQUENCE(member) RECORD_AT(fleet_sequence, member)

/// So many states are looked at.
#define BUDGET 50000

RECORD_ITEM(
    step_record, struct fleet_step,
    {"what", &record_string, STEP(what), RECORD_REQUIRED,
     .meaning = "`update`, `join`, `leave`: of hosts, one after the other; `power cycle`: of "
                "guests, before the next step; `plan`: the new one comes into force"},
    {"names", &record_strings, STEP(names), RECORD_REQUIRED})

const struct record fleet_sequence_record = {
    RECORD_ROWS({"found", &record_word, SEQUENCE(found), RECORD_ALWAYS, .words = order_words,
                 .meaning = "`yes`, `no`: there is none, or `not found`: not every one was tried"},
                {"steps", &record_list, SEQUENCE(steps), .record = &step_record,
                 .meaning = "with the fewest power cycles without which somebody strands"},
                {"stopped", &record_strings, SEQUENCE(stopped), RECORD_ALWAYS,
                 .meaning = "guests that cannot leave their hosts even now: they are stopped when "
                            "these change"},
                {"stranded", &record_strings, SEQUENCE(stranded), RECORD_ALWAYS,
                 .meaning = "guests each of which strands in every order"},
                {"poorer", &record_strings, SEQUENCE(poorer), RECORD_ALWAYS,
                 .meaning = "hosts that cannot give the plan in the end: guests that have its CPU "
                            "cannot go there"}),
    .size = sizeof(fleet_sequence),
};

/// How the hosts of a group come by what they are.
struct change {
    const struct fleet_place *like; ///< the first of them
    GPtrArray *names;               ///< of all, in order
    size_t next;                    ///< the first of the names that no step has
};

/// Guests that are alike in where they can go.
struct band {
    bool *can; ///< statuses × sides × groups
    bool exists[ORDER_STATUSES];
    GPtrArray *names;
};

/// Guests as they would be after a power cycle, and where these can go.
struct restart {
    GPtrArray *guests;
    fleet_matrix *sides[ORDER_SIDES];
};

struct planning {
    const struct fleet_rehearsal *of;
    fleet_places *places;
    GArray *groups;   ///< struct order_group
    GArray *changes;  ///< struct change, of each group
    size_t *group_of; ///< of each place
    GPtrArray *bands; ///< struct band *
    struct restart restarts[ORDER_STATUSES];
    fleet_sequence *sequence;
};

static void band_free(void *data)
{
    struct band *band = data;
    g_free(band->can);
    g_ptr_array_unref(band->names);
    g_free(band);
}

static void change_clear(void *data)
{
    g_ptr_array_unref(((struct change *)data)->names);
}

static const fleet_guest *get_guest(const struct planning *planning, size_t index)
{
    return fleet_matrix_get_guests(planning->of->before)->pdata[index];
}

/// The plan by which a power cycle would give this status; NULL: there is none.
static const cpulift_plan *get_plan(const struct fleet_rehearsal *of, size_t status)
{
    const cpulift_plan *old = of->is_other_plan ? of->old_plan : of->plan;
    const cpulift_plan *new = of->is_other_plan ? of->plan : NULL;
    return status == ORDER_AS_IS ? NULL : status < ORDER_BY_NEW_PLAN ? old : new;
}

static bool is_newer(size_t status)
{
    return status == ORDER_BY_OLD_PLAN_NEWER || status == ORDER_BY_NEW_PLAN_NEWER;
}

static void restart(const struct fleet_rehearsal *of, size_t status, struct restart *restart)
{
    const GPtrArray *guests = fleet_matrix_get_guests(of->before);
    const fleet_matrix *const sides[] = {of->before, of->after};
    const cpulift_plan *plan = get_plan(of, status);
    if (plan == NULL) {
        return;
    }
    restart->guests = g_ptr_array_new_with_free_func((GDestroyNotify)fleet_guest_free);
    for (size_t i = 0; i < guests->len; i++) {
        unsigned qemu = is_newer(status) ? GUEST_QEMU_BREAK : 1;
        g_ptr_array_add(restart->guests, fleet_guest_restart(guests->pdata[i], plan, qemu));
    }
    for (size_t side = 0; side < ORDER_SIDES; side++) {
        restart->sides[side] = fleet_matrix_new(fleet_matrix_get_hosts(sides[side]),
                                                restart->guests, fleet_matrix_get_map(of->before));
    }
}

/// Whether a host on this side takes the guest in this status; false where it is not there.
static bool takes(const struct planning *planning, const struct fleet_place *place, size_t guest,
                  size_t status, size_t side)
{
    const fleet_matrix *const as_is[] = {planning->of->before, planning->of->after};
    const fleet_matrix *matrix =
        status == ORDER_AS_IS ? as_is[side] : planning->restarts[status].sides[side];
    size_t kind = side == ORDER_OLD ? place->before : place->after;
    return kind != FLEET_NOWHERE && fleet_places_can(matrix, guest, kind);
}

/// The place of the guest's host, NULL: it is none of these.
static const struct fleet_place *find_home(const struct planning *planning, size_t guest)
{
    const char *host = get_guest(planning, guest)->host;
    for (size_t i = 0; i < planning->places->len; i++) {
        const struct fleet_place *place = &g_array_index(planning->places, struct fleet_place, i);
        if (strcmp(place->name, host) == 0) {
            return place;
        }
    }
    return NULL;
}

/// Whether some other host takes the guest now.
static bool can_leave(const struct planning *planning, size_t guest, const struct fleet_place *home)
{
    for (size_t i = 0; i < planning->places->len; i++) {
        const struct fleet_place *place = &g_array_index(planning->places, struct fleet_place, i);
        if (place != home && takes(planning, place, guest, ORDER_AS_IS, ORDER_OLD)) {
            return true;
        }
    }
    return false;
}

static bool is_like(const struct fleet_place *a, const struct fleet_place *b)
{
    return a->before == b->before && a->after == b->after && a->is_changed == b->is_changed;
}

/// Adds the place to the group of hosts that change like it. One that is the only host to run a
/// guest which it would not take again (`is_apart`) is a group of its own.
static void add_place(struct planning *planning, size_t index, bool is_apart)
{
    const struct fleet_place *place = &g_array_index(planning->places, struct fleet_place, index);
    size_t g = 0;
    for (; g < planning->groups->len; g++) {
        const struct change *change = &g_array_index(planning->changes, struct change, g);
        if (!is_apart && is_like(change->like, place)) {
            break;
        }
    }
    if (g == planning->groups->len) {
        bool is_there = place->before != FLEET_NOWHERE, will_be = place->after != FLEET_NOWHERE;
        struct order_group group = {.is_there = {is_there, will_be},
                                    .stays = is_there && will_be && !place->is_changed,
                                    .gives = {true, true}};
        // Nothing is like a group that stands apart.
        static const struct fleet_place nothing = {NULL, FLEET_NOWHERE, FLEET_NOWHERE, true};
        struct change change = {is_apart ? &nothing : place, g_ptr_array_new(), 0};
        g_array_append_val(planning->groups, group);
        g_array_append_val(planning->changes, change);
    }
    g_array_index(planning->groups, struct order_group, g).count++;
    g_ptr_array_add(g_array_index(planning->changes, struct change, g).names, (char *)place->name);
    planning->group_of[index] = g;
}

static size_t get_index(const struct planning *planning, const struct fleet_place *place)
{
    return (size_t)(place - (const struct fleet_place *)(void *)planning->places->data);
}

/// Groups the hosts. Guests that cannot leave even now take no part.
static void add_groups(struct planning *planning, bool *ret_takes_part)
{
    g_autofree bool *is_apart = g_new0(bool, planning->places->len);
    g_autoptr(GPtrArray) stopped = g_ptr_array_new();
    for (size_t i = 0; i < fleet_matrix_get_guests(planning->of->before)->len; i++) {
        const struct fleet_place *home = find_home(planning, i);
        bool stays = home != NULL && home->after != FLEET_NOWHERE && !home->is_changed;
        ret_takes_part[i] = home != NULL && can_leave(planning, i, home);
        if (ret_takes_part[i] && !takes(planning, home, i, ORDER_AS_IS, ORDER_OLD)) {
            is_apart[get_index(planning, home)] = true;
        }
        if (home != NULL && !ret_takes_part[i] && !stays) {
            g_ptr_array_add(stopped, get_guest(planning, i)->name);
        }
    }
    for (size_t i = 0; i < planning->places->len; i++) {
        add_place(planning, i, is_apart[i]);
    }
    record_merge_strings(&planning->sequence->stopped, stopped);
}

static bool *get_can(const struct planning *planning, const struct band *band, size_t status,
                     size_t side)
{
    return &band->can[(status * ORDER_SIDES + side) * planning->groups->len];
}

/// Where the guest can go, in each status.
static struct band *describe(const struct planning *planning, size_t guest)
{
    struct band *band = g_new0(struct band, 1);
    const fleet_guest *one = get_guest(planning, guest);
    const struct fleet_place *home = find_home(planning, guest);
    band->names = g_ptr_array_new();
    band->can = g_new0(bool, (size_t)ORDER_STATUSES *ORDER_SIDES * planning->groups->len);
    for (size_t s = 0; s < ORDER_STATUSES; s++) {
        const cpulift_plan *plan = get_plan(planning->of, s);
        g_autofree char *owner = plan != NULL ? fleet_verdict_find_owner(one, plan) : NULL;
        band->exists[s] = s == ORDER_AS_IS || (plan != NULL && owner == NULL);
        for (size_t i = 0; band->exists[s] && i < planning->places->len; i++) {
            const struct fleet_place *place =
                &g_array_index(planning->places, struct fleet_place, i);
            bool is_home = s == ORDER_AS_IS && place == home;
            for (size_t side = 0; side < ORDER_SIDES; side++) {
                get_can(planning, band, s, side)[planning->group_of[i]] =
                    takes(planning, place, guest, s, side) || (is_home && side == ORDER_OLD);
            }
        }
    }
    return band;
}

static bool is_same_band(const struct planning *planning, const struct band *a,
                         const struct band *b)
{
    size_t size = (size_t)ORDER_STATUSES * ORDER_SIDES * planning->groups->len * sizeof *a->can;
    return memcmp(a->exists, b->exists, sizeof a->exists) == 0 && memcmp(a->can, b->can, size) == 0;
}

static void add_band(struct planning *planning, size_t guest)
{
    struct band *band = describe(planning, guest);
    for (size_t i = 0; i < planning->bands->len; i++) {
        struct band *other = planning->bands->pdata[i];
        if (is_same_band(planning, band, other)) {
            g_ptr_array_add(other->names, get_guest(planning, guest)->name);
            band_free(band);
            return;
        }
    }
    g_ptr_array_add(band->names, get_guest(planning, guest)->name);
    g_ptr_array_add(planning->bands, band);
}

/// The new plan's words for a host are by its QEMU.
static size_t find_status(const struct planning *planning, const struct fleet_place *place,
                          size_t side, bool is_new_plan)
{
    const fleet_matrix *const sides[] = {planning->of->before, planning->of->after};
    const inventory *hosts = fleet_matrix_get_hosts(sides[side]);
    size_t kind = side == ORDER_OLD ? place->before : place->after;
    const char *version = ((const struct host_kind *)hosts->kinds->pdata[kind])->host->qemu_version;
    bool is_newer_qemu = version != NULL && text_parse_version(version) >= GUEST_QEMU_BREAK;
    return is_new_plan ? (is_newer_qemu ? ORDER_BY_NEW_PLAN_NEWER : ORDER_BY_NEW_PLAN)
                       : (is_newer_qemu ? ORDER_BY_OLD_PLAN_NEWER : ORDER_BY_OLD_PLAN);
}

/// Whether the host takes some guest that has the plan's CPU: machine types and what else is a
/// guest's own keep others away.
static bool gives(const struct planning *planning, const struct fleet_place *place, size_t side,
                  bool is_new_plan)
{
    size_t kind = side == ORDER_OLD ? place->before : place->after;
    size_t g = planning->group_of[get_index(planning, place)];
    bool is_any = false;
    for (size_t i = 0; kind != FLEET_NOWHERE && i < planning->bands->len; i++) {
        const struct band *band = planning->bands->pdata[i];
        size_t status = find_status(planning, place, side, is_new_plan);
        is_any = is_any || band->exists[status];
        if (band->exists[status] && get_can(planning, band, status, side)[g]) {
            return true;
        }
    }
    return !is_any;
}

/// What hosts can give of the plans.
static void judge_hosts(struct planning *planning)
{
    g_autoptr(GPtrArray) poorer = g_ptr_array_new();
    bool has_new = planning->of->is_other_plan;
    for (size_t i = 0; i < planning->places->len; i++) {
        const struct fleet_place *place = &g_array_index(planning->places, struct fleet_place, i);
        struct order_group *group =
            &g_array_index(planning->groups, struct order_group, planning->group_of[i]);
        for (size_t side = 0; side < ORDER_SIDES; side++) {
            group->gives[side] = gives(planning, place, side, true);
        }
        if (!gives(planning, place, ORDER_NEW, has_new)) {
            g_ptr_array_add(poorer, (char *)place->name);
        }
    }
    record_merge_strings(&planning->sequence->poorer, poorer);
}

/// The problem of these bands (`count` of them from the first on).
static enum order_answer solve(const struct planning *planning, size_t first, size_t count,
                               GArray **ret_steps)
{
    g_autofree struct order_guests *guests = g_new0(struct order_guests, count);
    for (size_t i = 0; i < count; i++) {
        const struct band *band = planning->bands->pdata[first + i];
        guests[i].weight = band->names->len;
        memcpy(guests[i].exists, band->exists, sizeof band->exists);
        for (size_t s = 0; s < ORDER_STATUSES; s++) {
            for (size_t side = 0; side < ORDER_SIDES; side++) {
                guests[i].can[s][side] = get_can(planning, band, s, side);
            }
        }
    }
    const struct order_problem problem = {
        (const struct order_group *)(void *)planning->groups->data, guests, planning->groups->len,
        count, planning->of->is_other_plan};
    return order_find(&problem, BUDGET, ret_steps);
}

static void add_step(struct planning *planning, const char *what, char **names)
{
    struct fleet_step *step = record_new(&step_record);
    *step = (struct fleet_step){g_strdup(what), names};
    g_ptr_array_add(planning->sequence->steps, step);
}

/// The hosts that take the step; more of those that took the last one, if nothing came between.
static void add_hosts(struct planning *planning, const struct order_step *step, const char **last)
{
    struct change *change = &g_array_index(planning->changes, struct change, step->group);
    const struct order_group *group =
        &g_array_index(planning->groups, struct order_group, step->group);
    const char *what = !group->is_there[ORDER_OLD]   ? "join"
                       : !group->is_there[ORDER_NEW] ? "leave"
                                                     : "update";
    GPtrArray *names = g_ptr_array_new();
    if (*last != NULL && strcmp(*last, what) == 0) {
        guint end = planning->sequence->steps->len - 1;
        const struct fleet_step *before = planning->sequence->steps->pdata[end];
        for (char **name = before->names; *name != NULL; name++) {
            g_ptr_array_add(names, g_strdup(*name));
        }
        g_ptr_array_remove_index(planning->sequence->steps, end);
    }
    for (size_t i = 0; i < step->hosts; i++) {
        g_ptr_array_add(names, g_strdup(change->names->pdata[change->next++]));
    }
    g_ptr_array_add(names, NULL);
    add_step(planning, what, (char **)g_ptr_array_free(names, FALSE));
    *last = what;
}

/// The guests that have another status from this step on.
static bool add_cycles(struct planning *planning, const struct order_step *step,
                       const struct order_step *before)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    char **list = NULL;
    for (size_t k = 0; k < planning->bands->len; k++) {
        const struct band *band = planning->bands->pdata[k];
        enum order_status was = before != NULL ? before->statuses[k] : ORDER_AS_IS;
        for (size_t i = 0; step->statuses[k] != was && i < band->names->len; i++) {
            g_ptr_array_add(names, band->names->pdata[i]);
        }
    }
    if (names->len > 0) {
        record_merge_strings(&list, names);
        add_step(planning, "power cycle", list);
    }
    return names->len > 0;
}

static void tell(struct planning *planning, const GArray *steps)
{
    const char *last = NULL;
    for (size_t i = 0; i < steps->len; i++) {
        const struct order_step *step = &g_array_index(steps, struct order_step, i);
        if (i > 0 && step->group == ORDER_PLAN) {
            add_step(planning, "plan", g_new0(char *, 1));
            last = NULL;
        } else if (i > 0) {
            add_hosts(planning, step, &last);
        }
        const struct order_step *before =
            i > 0 ? &g_array_index(steps, struct order_step, i - 1) : NULL;
        last = add_cycles(planning, step, before) ? NULL : last;
    }
}

/// The guests that alone would strand in each order, where there is none for all.
static void blame(struct planning *planning)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    bool is_asked = planning->sequence->found == ORDER_NONE;
    for (size_t k = 0; is_asked && k < planning->bands->len; k++) {
        const struct band *band = planning->bands->pdata[k];
        g_autoptr(GArray) steps = NULL;
        bool strands = solve(planning, k, 1, &steps) == ORDER_NONE;
        for (size_t i = 0; strands && i < band->names->len; i++) {
            g_ptr_array_add(names, band->names->pdata[i]);
        }
    }
    record_merge_strings(&planning->sequence->stranded, names);
}

static void planning_clear(struct planning *planning)
{
    for (size_t s = 0; s < ORDER_STATUSES; s++) {
        fleet_matrix_free(planning->restarts[s].sides[ORDER_OLD]);
        fleet_matrix_free(planning->restarts[s].sides[ORDER_NEW]);
        g_clear_pointer(&planning->restarts[s].guests, g_ptr_array_unref);
    }
    g_ptr_array_unref(planning->bands);
    g_array_unref(planning->changes);
    g_array_unref(planning->groups);
    g_array_unref(planning->places);
    g_free(planning->group_of);
}

fleet_sequence *fleet_sequence_find(const struct fleet_rehearsal *rehearsal)
{
    size_t count = fleet_matrix_get_guests(rehearsal->before)->len;
    g_autofree bool *takes_part = g_new0(bool, count);
    g_autoptr(GArray) steps = NULL;
    struct planning planning = {.of = rehearsal,
                                .places =
                                    fleet_places_new(fleet_matrix_get_hosts(rehearsal->before),
                                                     fleet_matrix_get_hosts(rehearsal->after)),
                                .groups = g_array_new(FALSE, FALSE, sizeof(struct order_group)),
                                .changes = g_array_new(FALSE, FALSE, sizeof(struct change)),
                                .bands = g_ptr_array_new_with_free_func(band_free),
                                .sequence = record_new(&fleet_sequence_record)};
    g_array_set_clear_func(planning.changes, change_clear);
    planning.sequence->steps = g_ptr_array_new_with_free_func(step_record_free);
    planning.group_of = g_new0(size_t, planning.places->len);
    for (size_t s = ORDER_BY_OLD_PLAN; s < ORDER_STATUSES; s++) {
        restart(rehearsal, s, &planning.restarts[s]);
    }
    add_groups(&planning, takes_part);
    for (size_t i = 0; i < count; i++) {
        if (takes_part[i]) {
            add_band(&planning, i);
        }
    }
    judge_hosts(&planning);
    planning.sequence->found = solve(&planning, 0, planning.bands->len, &steps);
    if (steps != NULL) {
        tell(&planning, steps);
    }
    blame(&planning);
    planning_clear(&planning);
    return planning.sequence;
}
