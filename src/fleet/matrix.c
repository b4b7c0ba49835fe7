// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/matrix.h"

struct fleet_matrix {
    const inventory *hosts;
    const GPtrArray *guests;
    const catalog *map;
    size_t *kinds;      ///< of each guest
    size_t count;       ///< kinds of guests
    GPtrArray *samples; ///< one of each kind
    fleet_cell **cells; ///< count × kinds of hosts
};

/// Numbers the guests' kinds in the order in which they come.
static void number_kinds(fleet_matrix *matrix)
{
    GPtrArray *first = matrix->samples;
    g_autoptr(GHashTable) numbers = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < matrix->guests->len; i++) {
        const fleet_guest *guest = matrix->guests->pdata[i];
        void *number = NULL;
        if (!g_hash_table_lookup_extended(numbers, guest->key, NULL, &number)) {
            number = GSIZE_TO_POINTER(first->len);
            g_hash_table_insert(numbers, guest->key, number);
            g_ptr_array_add(first, (void *)guest);
        }
        matrix->kinds[i] = GPOINTER_TO_SIZE(number);
    }
    matrix->count = first->len;
}

fleet_matrix *fleet_matrix_new(const inventory *hosts, const GPtrArray *guests, const catalog *map)
{
    fleet_matrix *matrix = g_new0(fleet_matrix, 1);
    size_t width = hosts->kinds->len;
    matrix->hosts = hosts;
    matrix->guests = guests;
    matrix->map = map;
    matrix->kinds = g_new0(size_t, guests->len);
    matrix->samples = g_ptr_array_new();
    number_kinds(matrix);
    matrix->cells = g_new0(fleet_cell *, matrix->count * width);
    for (size_t g = 0; g < matrix->count; g++) {
        g_auto(compare_side) side = {0};
        bool is_known = fleet_guest_take(matrix->samples->pdata[g], map, &side, NULL) == 0;
        for (size_t h = 0; h < width; h++) {
            const struct host_kind *kind = hosts->kinds->pdata[h];
            matrix->cells[g * width + h] =
                fleet_judge(matrix->samples->pdata[g], is_known ? &side : NULL, kind->host, map);
        }
    }
    return matrix;
}

void fleet_matrix_free(fleet_matrix *matrix)
{
    if (matrix != NULL) {
        for (size_t i = 0; i < matrix->count * matrix->hosts->kinds->len; i++) {
            fleet_cell_free(matrix->cells[i]);
        }
        g_free(matrix->cells);
        g_free(matrix->kinds);
        g_ptr_array_unref(matrix->samples);
        g_free(matrix);
    }
}

const inventory *fleet_matrix_get_hosts(const fleet_matrix *matrix)
{
    return matrix->hosts;
}

const GPtrArray *fleet_matrix_get_guests(const fleet_matrix *matrix)
{
    return matrix->guests;
}

const catalog *fleet_matrix_get_map(const fleet_matrix *matrix)
{
    return matrix->map;
}

size_t fleet_matrix_get_kind(const fleet_matrix *matrix, size_t guest)
{
    return matrix->kinds[guest];
}

size_t fleet_matrix_count_kinds(const fleet_matrix *matrix)
{
    return matrix->count;
}

const fleet_cell *fleet_matrix_get(const fleet_matrix *matrix, size_t guest_kind, size_t host_kind)
{
    return matrix->cells[guest_kind * matrix->hosts->kinds->len + host_kind];
}

const fleet_guest *fleet_matrix_get_sample(const fleet_matrix *matrix, size_t guest_kind)
{
    return matrix->samples->pdata[guest_kind];
}

void fleet_matrix_set_opinion(fleet_matrix *matrix, size_t guest_kind, size_t host_kind,
                              enum fleet_can can, const char *why)
{
    fleet_cell *cell = matrix->cells[guest_kind * matrix->hosts->kinds->len + host_kind];
    g_return_if_fail(cell->said == NULL);
    cell->said = g_new0(struct fleet_opinion, 1);
    *cell->said = (struct fleet_opinion){can, g_strdup(why)};
}

/// The hosts of a kind but the guest's own.
static size_t count_others(const fleet_matrix *matrix, size_t guest, size_t host_kind)
{
    const fleet_guest *one = matrix->guests->pdata[guest];
    const struct host_kind *kind = matrix->hosts->kinds->pdata[host_kind];
    return kind->names->len - (inventory_find(matrix->hosts, one->host) == kind);
}

size_t fleet_matrix_count_disputed(const fleet_matrix *matrix)
{
    size_t width = matrix->hosts->kinds->len, count = 0;
    for (size_t i = 0; i < matrix->guests->len * width; i++) {
        size_t guest = i / width, host_kind = i % width;
        const fleet_cell *cell = fleet_matrix_get(matrix, matrix->kinds[guest], host_kind);
        count += fleet_cell_is_disputed(cell) ? count_others(matrix, guest, host_kind) : 0;
    }
    return count;
}

size_t fleet_matrix_count_targets(const fleet_matrix *matrix, size_t guest, enum fleet_can can)
{
    size_t count = 0;
    for (size_t h = 0; h < matrix->hosts->kinds->len; h++) {
        bool is = fleet_matrix_get(matrix, matrix->kinds[guest], h)->can == can;
        count += is ? count_others(matrix, guest, h) : 0;
    }
    return count;
}
