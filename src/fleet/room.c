// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/room.h"

#include "fleet/pack.h"

#include <string.h>

/// So many places are looked at, for a host, beyond a first attempt.
#define BUDGET 200000

const char *const room_words[] = {
    [ROOM_UNKNOWN] = "unknown",
    [ROOM_YES] = "yes",
    [ROOM_NOT_FOUND] = "not found",
    [ROOM_NO] = "no",
    NULL,
};

/// A host.
struct spot {
    struct host_size size;
    struct pack_bin free;
    guint64 memory, vcpus; ///< of its guests
    bool is_known;         ///< its size, and those of its guests
};

struct fleet_rooms {
    const fleet_matrix *matrix;
    bool *can;          ///< kinds of guests × kinds of hosts
    GHashTable *places; ///< name → index of its spot; borrows the names
    GArray *spots;      ///< struct spot
    size_t *homes;      ///< of each guest; spots->len: its host is gone
    enum room_answer of_gone;
    struct room_need need_of_gone;
};

static struct spot *get_spot(const fleet_rooms *rooms, size_t index)
{
    return &g_array_index(rooms->spots, struct spot, index);
}

static const fleet_guest *get_guest(const fleet_rooms *rooms, size_t index)
{
    return fleet_matrix_get_guests(rooms->matrix)->pdata[index];
}

/// The index of the host's spot; spots->len: it is gone.
static size_t find_spot(const fleet_rooms *rooms, const char *host)
{
    void *index = NULL;
    bool is_there = g_hash_table_lookup_extended(rooms->places, host, NULL, &index);
    return is_there ? GPOINTER_TO_SIZE(index) : rooms->spots->len;
}

static void add_spots(fleet_rooms *rooms)
{
    const inventory *hosts = fleet_matrix_get_hosts(rooms->matrix);
    for (size_t k = 0; k < hosts->kinds->len; k++) {
        const struct host_kind *kind = hosts->kinds->pdata[k];
        for (size_t i = 0; i < kind->names->len; i++) {
            char *name = kind->names->pdata[i];
            struct spot spot = {.size = inventory_get_size(hosts, name), .free.kind = k};
            spot.is_known = spot.size.memory != 0 && spot.size.cpus != 0;
            g_hash_table_insert(rooms->places, name, GSIZE_TO_POINTER(rooms->spots->len));
            g_array_append_val(rooms->spots, spot);
        }
    }
}

static void add_load(struct spot *spot, const fleet_guest *guest)
{
    spot->memory += guest->memory;
    spot->vcpus += guest->shape.vcpus;
    spot->is_known = spot->is_known && guest->memory != 0 && guest->shape.vcpus != 0;
}

static double find_ratio(const fleet_rooms *rooms)
{
    double ratio = ROOM_RATIO;
    for (size_t i = 0; i < rooms->spots->len; i++) {
        const struct spot *spot = get_spot(rooms, i);
        if (spot->is_known) {
            ratio = MAX(ratio, (double)spot->vcpus / spot->size.cpus);
        }
    }
    return ratio;
}

static void set_free(const fleet_rooms *rooms, double ratio)
{
    for (size_t i = 0; i < rooms->spots->len; i++) {
        struct spot *spot = get_spot(rooms, i);
        guint64 used = spot->memory + ROOM_RESERVED;
        guint64 cpus = (guint64)((double)spot->size.cpus * ratio + 1e-6);
        spot->free.memory = spot->size.memory > used ? spot->size.memory - used : 0;
        spot->free.cpus = cpus > spot->vcpus ? cpus - spot->vcpus : 0;
    }
}

static const bool *get_row(const fleet_rooms *rooms, size_t guest)
{
    size_t width = fleet_matrix_get_hosts(rooms->matrix)->kinds->len;
    return &rooms->can[fleet_matrix_get_kind(rooms->matrix, guest) * width];
}

/// The guests of this home that can go to some other host: indices.
static GArray *list_movable(const fleet_rooms *rooms, size_t home)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t g = 0; g < fleet_matrix_get_guests(rooms->matrix)->len; g++) {
        if (rooms->homes[g] == home &&
            fleet_matrix_count_targets(rooms->matrix, g, FLEET_YES) > 0) {
            g_array_append_val(list, g);
        }
    }
    return list;
}

static struct room_need sum_need(const fleet_rooms *rooms, const GArray *guests)
{
    struct room_need need = {0};
    for (size_t i = 0; i < guests->len; i++) {
        const fleet_guest *guest = get_guest(rooms, g_array_index(guests, size_t, i));
        need.memory += guest->memory;
        need.vcpus += guest->shape.vcpus;
    }
    return need;
}

/// True where a host of unknown room could take one of the guests.
static bool has_unknown(const fleet_rooms *rooms, const GArray *guests, size_t home)
{
    for (size_t i = 0; i < rooms->spots->len; i++) {
        const struct spot *spot = get_spot(rooms, i);
        for (size_t g = 0; i != home && !spot->is_known && g < guests->len; g++) {
            if (get_row(rooms, g_array_index(guests, size_t, g))[spot->free.kind]) {
                return true;
            }
        }
    }
    return false;
}

static int compare_bins(const void *a, const void *b, void *data)
{
    const fleet_rooms *rooms = data;
    guint64 of_a = get_spot(rooms, *(const size_t *)a)->free.memory;
    guint64 of_b = get_spot(rooms, *(const size_t *)b)->free.memory;
    return of_a != of_b ? (of_a < of_b ? -1 : 1) : 0;
}

/// The other hosts whose room is known, that with the least first: indices.
static GArray *list_bins(const fleet_rooms *rooms, size_t home)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t i = 0; i < rooms->spots->len; i++) {
        if (i != home && get_spot(rooms, i)->is_known) {
            g_array_append_val(list, i);
        }
    }
    g_array_sort_with_data(list, compare_bins, (void *)rooms);
    return list;
}

/// Looks for places for these guests of a home; with ROOM_YES each guest's is in `ret_places`.
static enum room_answer find(const fleet_rooms *rooms, const GArray *guests, size_t home,
                             size_t *ret_places)
{
    g_autoptr(GArray) order = list_bins(rooms, home);
    g_autofree struct pack_item *items = g_new0(struct pack_item, guests->len);
    g_autofree struct pack_bin *bins = g_new0(struct pack_bin, order->len);
    for (size_t i = 0; i < guests->len; i++) {
        size_t g = g_array_index(guests, size_t, i);
        const fleet_guest *guest = get_guest(rooms, g);
        items[i] = (struct pack_item){guest->memory, guest->shape.vcpus, get_row(rooms, g)};
        if (guest->memory == 0 || guest->shape.vcpus == 0) {
            return ROOM_UNKNOWN;
        }
    }
    for (size_t b = 0; b < order->len; b++) {
        bins[b] = get_spot(rooms, g_array_index(order, size_t, b))->free;
    }
    enum pack_answer answer = pack_find(items, guests->len, bins, order->len, BUDGET, ret_places);
    for (size_t i = 0; answer == PACK_FOUND && i < guests->len; i++) {
        ret_places[i] = g_array_index(order, size_t, ret_places[i]);
    }
    return answer == PACK_FOUND               ? ROOM_YES
           : has_unknown(rooms, guests, home) ? ROOM_UNKNOWN
           : answer == PACK_GIVEN_UP          ? ROOM_NOT_FOUND
                                              : ROOM_NO;
}

/// Guests whose host is gone live elsewhere from now on.
static void move_gone(fleet_rooms *rooms)
{
    g_autoptr(GArray) guests = list_movable(rooms, rooms->spots->len);
    g_autofree size_t *places = g_new0(size_t, guests->len);
    rooms->need_of_gone = sum_need(rooms, guests);
    rooms->of_gone = find(rooms, guests, rooms->spots->len, places);
    for (size_t i = 0; rooms->of_gone == ROOM_YES && i < guests->len; i++) {
        size_t g = g_array_index(guests, size_t, i);
        struct spot *spot = get_spot(rooms, places[i]);
        rooms->homes[g] = places[i];
        spot->free.memory -= get_guest(rooms, g)->memory;
        spot->free.cpus -= get_guest(rooms, g)->shape.vcpus;
    }
}

fleet_rooms *fleet_rooms_new(const fleet_matrix *matrix, double ratio)
{
    fleet_rooms *rooms = g_new0(fleet_rooms, 1);
    size_t width = fleet_matrix_get_hosts(matrix)->kinds->len;
    size_t guests = fleet_matrix_get_guests(matrix)->len;
    rooms->matrix = matrix;
    rooms->can = g_new0(bool, fleet_matrix_count_kinds(matrix) * width);
    rooms->places = g_hash_table_new(g_str_hash, g_str_equal);
    rooms->spots = g_array_new(FALSE, FALSE, sizeof(struct spot));
    rooms->homes = g_new0(size_t, guests);
    for (size_t i = 0; i < fleet_matrix_count_kinds(matrix) * width; i++) {
        rooms->can[i] = fleet_matrix_get(matrix, i / width, i % width)->can == FLEET_YES;
    }
    add_spots(rooms);
    for (size_t g = 0; g < guests; g++) {
        rooms->homes[g] = find_spot(rooms, get_guest(rooms, g)->host);
        if (rooms->homes[g] < rooms->spots->len) {
            add_load(get_spot(rooms, rooms->homes[g]), get_guest(rooms, g));
        }
    }
    set_free(rooms, ratio > 0 ? ratio : find_ratio(rooms));
    move_gone(rooms);
    return rooms;
}

void fleet_rooms_free(fleet_rooms *rooms)
{
    if (rooms != NULL) {
        g_free(rooms->can);
        g_hash_table_unref(rooms->places);
        g_array_unref(rooms->spots);
        g_free(rooms->homes);
        g_free(rooms);
    }
}

enum room_answer fleet_rooms_find(const fleet_rooms *rooms, const char *host,
                                  struct room_need *ret_need)
{
    size_t home = find_spot(rooms, host);
    bool is_gone = home == rooms->spots->len;
    g_autoptr(GArray) guests = list_movable(rooms, home);
    g_autofree size_t *places = g_new0(size_t, guests->len);
    *ret_need = is_gone ? rooms->need_of_gone : sum_need(rooms, guests);
    return is_gone ? rooms->of_gone : find(rooms, guests, home, places);
}
