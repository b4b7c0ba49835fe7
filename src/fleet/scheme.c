// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/scheme.h"

#include "base/text.h"
#include "fleet/verdict.h"

#include <string.h>

static void band_free(void *data)
{
    struct scheme_band *band = data;
    g_free(band->can);
    g_ptr_array_unref(band->names);
    g_free(band);
}

static const fleet_guest *get_guest(const fleet_scheme *scheme, size_t index)
{
    return fleet_matrix_get_guests(scheme->of->before)->pdata[index];
}

static const struct fleet_place *get_place(const fleet_scheme *scheme, size_t index)
{
    return &g_array_index(scheme->places, struct fleet_place, index);
}

static struct order_group *get_group(const fleet_scheme *scheme, size_t index)
{
    return &g_array_index(scheme->groups, struct order_group, index);
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

static void restart(const struct fleet_rehearsal *of, size_t status, struct scheme_restart *restart)
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
static bool takes(const fleet_scheme *scheme, const struct fleet_place *place, size_t guest,
                  size_t status, size_t side)
{
    const fleet_matrix *const as_is[] = {scheme->of->before, scheme->of->after};
    const fleet_matrix *matrix =
        status == ORDER_AS_IS ? as_is[side] : scheme->restarts[status].sides[side];
    size_t kind = side == ORDER_OLD ? place->before : place->after;
    return kind != FLEET_NOWHERE && fleet_places_can(matrix, guest, kind);
}

/// The place of the guest's host, NULL: it is none of these.
static const struct fleet_place *find_home(const fleet_scheme *scheme, size_t guest)
{
    const char *host = get_guest(scheme, guest)->host;
    for (size_t i = 0; i < scheme->places->len; i++) {
        const struct fleet_place *place = get_place(scheme, i);
        if (strcmp(place->name, host) == 0) {
            return place;
        }
    }
    return NULL;
}

/// Whether some other host takes the guest now.
static bool can_leave(const fleet_scheme *scheme, size_t guest, const struct fleet_place *home)
{
    for (size_t i = 0; i < scheme->places->len; i++) {
        const struct fleet_place *place = get_place(scheme, i);
        if (place != home && takes(scheme, place, guest, ORDER_AS_IS, ORDER_OLD)) {
            return true;
        }
    }
    return false;
}

bool *fleet_scheme_get_can(const fleet_scheme *scheme, const struct scheme_band *band,
                           size_t status, size_t side)
{
    return &band->can[(status * ORDER_SIDES + side) * scheme->groups->len];
}

static size_t count_cans(const fleet_scheme *scheme)
{
    return (size_t)ORDER_STATUSES * ORDER_SIDES * scheme->groups->len;
}

/// Each host in a group of its own.
static void add_places(fleet_scheme *scheme)
{
    for (size_t i = 0; i < scheme->places->len; i++) {
        const struct fleet_place *place = get_place(scheme, i);
        bool is_there = place->before != FLEET_NOWHERE, will_be = place->after != FLEET_NOWHERE;
        struct order_group group = {.count = 1,
                                    .is_there = {is_there, will_be},
                                    .stays = is_there && will_be && !place->is_changed};
        GPtrArray *names = g_ptr_array_new();
        g_ptr_array_add(names, (char *)place->name);
        g_array_append_val(scheme->groups, group);
        g_ptr_array_add(scheme->hosts, names);
    }
}

/// Where the guest can go, in each status: on its own host it is, whatever that would take.
static struct scheme_band *describe(const fleet_scheme *scheme, size_t guest,
                                    const struct fleet_place *home)
{
    struct scheme_band *band = g_new0(struct scheme_band, 1);
    band->names = g_ptr_array_new();
    band->can = g_new0(bool, count_cans(scheme));
    for (size_t s = 0; s < ORDER_STATUSES; s++) {
        const cpulift_plan *plan = get_plan(scheme->of, s);
        g_autofree char *owner =
            plan != NULL ? fleet_verdict_find_owner(get_guest(scheme, guest), plan) : NULL;
        band->exists[s] = s == ORDER_AS_IS || (plan != NULL && owner == NULL);
        size_t count = (size_t)scheme->places->len * ORDER_SIDES;
        for (size_t i = 0; band->exists[s] && i < count; i++) {
            const struct fleet_place *place = get_place(scheme, i / ORDER_SIDES);
            size_t side = i % ORDER_SIDES;
            bool is_here = s == ORDER_AS_IS && side == ORDER_OLD && place == home;
            fleet_scheme_get_can(scheme, band, s, side)[i / ORDER_SIDES] =
                is_here || takes(scheme, place, guest, s, side);
        }
    }
    return band;
}

static bool is_same(const fleet_scheme *scheme, const struct scheme_band *a,
                    const struct scheme_band *b)
{
    return memcmp(a->exists, b->exists, sizeof a->exists) == 0 &&
           memcmp(a->can, b->can, count_cans(scheme) * sizeof *a->can) == 0;
}

/// The band of guests that can go where this one can.
static struct scheme_band *find_band(fleet_scheme *scheme, size_t guest,
                                     const struct fleet_place *home)
{
    struct scheme_band *band = describe(scheme, guest, home);
    for (size_t i = 0; i < scheme->bands->len; i++) {
        if (is_same(scheme, band, scheme->bands->pdata[i])) {
            band_free(band);
            return scheme->bands->pdata[i];
        }
    }
    g_ptr_array_add(scheme->bands, band);
    return band;
}

/// What decides on the guest's band beside its host; the latter only where it would not take it.
static char *make_key(const fleet_scheme *scheme, size_t guest, const struct fleet_place *home)
{
    const fleet_guest *one = get_guest(scheme, guest);
    const cpulift_plan *old = get_plan(scheme->of, ORDER_BY_OLD_PLAN);
    const cpulift_plan *new = get_plan(scheme->of, ORDER_BY_NEW_PLAN);
    bool is_alike = takes(scheme, home, guest, ORDER_AS_IS, ORDER_OLD);
    return g_strdup_printf("%zu/%d%d/%s", fleet_matrix_get_kind(scheme->of->before, guest),
                           old != NULL && plan_means_guest(old, one->name),
                           new != NULL &&plan_means_guest(new, one->name),
                           is_alike ? "" : home->name);
}

/// Sorts the guests into bands. Those that cannot leave their hosts even now take no part.
static void add_guests(fleet_scheme *scheme)
{
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < fleet_matrix_get_guests(scheme->of->before)->len; i++) {
        const struct fleet_place *home = find_home(scheme, i);
        char *name = get_guest(scheme, i)->name;
        if (home == NULL || !can_leave(scheme, i, home)) {
            bool stays = home != NULL && home->after != FLEET_NOWHERE && !home->is_changed;
            if (home != NULL && !stays) {
                g_ptr_array_add(scheme->stopped, name);
            }
            continue;
        }
        g_autofree char *key = make_key(scheme, i, home);
        struct scheme_band *band = g_hash_table_lookup(known, key);
        if (band == NULL) {
            band = find_band(scheme, i, home);
            g_hash_table_insert(known, g_steal_pointer(&key), band);
        }
        g_ptr_array_add(band->names, name);
    }
}

/// By which words of the plan a guest would be started on the host: those for its QEMU.
static size_t find_status(const fleet_scheme *scheme, size_t kind, size_t side, bool is_new_plan)
{
    const fleet_matrix *const sides[] = {scheme->of->before, scheme->of->after};
    const inventory *hosts = fleet_matrix_get_hosts(sides[side]);
    const char *version = ((const struct host_kind *)hosts->kinds->pdata[kind])->host->qemu_version;
    bool has_newer = version != NULL && text_parse_version(version) >= GUEST_QEMU_BREAK;
    size_t status = is_new_plan ? ORDER_BY_NEW_PLAN : ORDER_BY_OLD_PLAN;
    return status + (has_newer ? 1 : 0);
}

/// Whether the host takes some guest that has the plan's CPU: machine types and what else is a
/// guest's own keep others away.
static bool gives(const fleet_scheme *scheme, size_t place, size_t side, bool is_new_plan)
{
    const struct fleet_place *one = get_place(scheme, place);
    size_t kind = side == ORDER_OLD ? one->before : one->after;
    bool is_any = false;
    for (size_t i = 0; kind != FLEET_NOWHERE && i < scheme->bands->len; i++) {
        const struct scheme_band *band = scheme->bands->pdata[i];
        size_t status = find_status(scheme, kind, side, is_new_plan);
        is_any = is_any || band->exists[status];
        if (band->exists[status] && fleet_scheme_get_can(scheme, band, status, side)[place]) {
            return true;
        }
    }
    return !is_any;
}

/// What hosts can give of the plans.
static void judge_hosts(fleet_scheme *scheme)
{
    for (size_t i = 0; i < scheme->places->len; i++) {
        for (size_t side = 0; side < ORDER_SIDES; side++) {
            get_group(scheme, i)->gives[side] = gives(scheme, i, side, true);
        }
        if (!gives(scheme, i, ORDER_NEW, scheme->of->is_other_plan)) {
            g_ptr_array_add(scheme->poorer, (char *)get_place(scheme, i)->name);
        }
    }
}

/// All that the search is told of a group but how many hosts it has. The caller's.
static char *describe_group(const fleet_scheme *scheme, size_t group)
{
    const struct order_group *one = get_group(scheme, group);
    GString *key = g_string_new(NULL);
    g_string_printf(key, "%d%d%d%d%d", one->is_there[0], one->is_there[1], one->stays,
                    one->gives[0], one->gives[1]);
    for (size_t b = 0; b < scheme->bands->len; b++) {
        const struct scheme_band *band = scheme->bands->pdata[b];
        for (size_t i = group; i < count_cans(scheme); i += scheme->groups->len) {
            g_string_append_c(key, band->can[i] ? '1' : '0');
        }
    }
    return g_string_free(key, FALSE);
}

/// Makes one group of those that are alike. `first` has one of each.
static void merge(fleet_scheme *scheme, const GArray *first, const size_t *merged)
{
    size_t before = scheme->groups->len, after = first->len;
    g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(struct order_group));
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    for (size_t g = 0; g < after; g++) {
        struct order_group group = *get_group(scheme, g_array_index(first, size_t, g));
        group.count = 0;
        g_array_append_val(groups, group);
        g_ptr_array_add(hosts, g_ptr_array_new());
    }
    for (size_t g = 0; g < before; g++) {
        g_array_index(groups, struct order_group, merged[g]).count++;
        g_ptr_array_add(hosts->pdata[merged[g]], (char *)get_place(scheme, g)->name);
    }
    for (size_t b = 0; b < scheme->bands->len; b++) {
        struct scheme_band *band = scheme->bands->pdata[b];
        for (size_t i = 0; i < (size_t)ORDER_STATUSES * ORDER_SIDES * after; i++) {
            // What is written was read: no group comes before the first of those that it is like.
            band->can[i] = band->can[i / after * before + g_array_index(first, size_t, i % after)];
        }
    }
    g_array_unref(scheme->groups);
    g_ptr_array_unref(scheme->hosts);
    scheme->groups = g_steal_pointer(&groups);
    scheme->hosts = g_steal_pointer(&hosts);
}

static void merge_groups(fleet_scheme *scheme)
{
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GArray) first = g_array_new(FALSE, FALSE, sizeof(size_t));
    g_autofree size_t *merged = g_new0(size_t, scheme->groups->len);
    for (size_t g = 0; g < scheme->groups->len; g++) {
        g_autofree char *key = describe_group(scheme, g);
        void *index = NULL;
        if (!g_hash_table_lookup_extended(known, key, NULL, &index)) {
            index = GSIZE_TO_POINTER(first->len);
            g_hash_table_insert(known, g_steal_pointer(&key), index);
            g_array_append_val(first, g);
        }
        merged[g] = GPOINTER_TO_SIZE(index);
    }
    merge(scheme, first, merged);
}

fleet_scheme *fleet_scheme_new(const struct fleet_rehearsal *rehearsal)
{
    fleet_scheme *scheme = g_new0(fleet_scheme, 1);
    *scheme = (fleet_scheme){
        .of = rehearsal,
        .places = fleet_places_new(fleet_matrix_get_hosts(rehearsal->before),
                                   fleet_matrix_get_hosts(rehearsal->after)),
        .groups = g_array_new(FALSE, FALSE, sizeof(struct order_group)),
        .hosts = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref),
        .bands = g_ptr_array_new_with_free_func(band_free),
        .stopped = g_ptr_array_new(),
        .poorer = g_ptr_array_new(),
    };
    for (size_t s = ORDER_BY_OLD_PLAN; s < ORDER_STATUSES; s++) {
        restart(rehearsal, s, &scheme->restarts[s]);
    }
    add_places(scheme);
    add_guests(scheme);
    judge_hosts(scheme);
    merge_groups(scheme);
    return scheme;
}

void fleet_scheme_free(fleet_scheme *scheme)
{
    if (scheme == NULL) {
        return;
    }
    for (size_t s = 0; s < ORDER_STATUSES; s++) {
        fleet_matrix_free(scheme->restarts[s].sides[ORDER_OLD]);
        fleet_matrix_free(scheme->restarts[s].sides[ORDER_NEW]);
        g_clear_pointer(&scheme->restarts[s].guests, g_ptr_array_unref);
    }
    g_ptr_array_unref(scheme->bands);
    g_ptr_array_unref(scheme->stopped);
    g_ptr_array_unref(scheme->poorer);
    g_ptr_array_unref(scheme->hosts);
    g_array_unref(scheme->groups);
    g_array_unref(scheme->places);
    g_free(scheme);
}
