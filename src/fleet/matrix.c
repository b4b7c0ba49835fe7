// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/matrix.h"

struct fleet_matrix {
    const inventory *hosts;
    const GPtrArray *guests;
    const catalog *map;
    size_t *kinds;      ///< of each guest
    size_t count;       ///< kinds of guests
    fleet_cell **cells; ///< count × kinds of hosts
};

/// Numbers the guests' kinds in the order in which they come; *ret_first is one of each.
static size_t number_kinds(fleet_matrix *matrix, GPtrArray *first)
{
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
    return first->len;
}

fleet_matrix *fleet_matrix_new(const inventory *hosts, const GPtrArray *guests, const catalog *map)
{
    fleet_matrix *matrix = g_new0(fleet_matrix, 1);
    g_autoptr(GPtrArray) first = g_ptr_array_new();
    size_t width = hosts->kinds->len;
    matrix->hosts = hosts;
    matrix->guests = guests;
    matrix->map = map;
    matrix->kinds = g_new0(size_t, guests->len);
    matrix->count = number_kinds(matrix, first);
    matrix->cells = g_new0(fleet_cell *, matrix->count * width);
    for (size_t g = 0; g < matrix->count; g++) {
        g_auto(compare_side) side = {0};
        bool is_known = fleet_guest_take(first->pdata[g], map, &side, NULL) == 0;
        for (size_t h = 0; h < width; h++) {
            const struct host_kind *kind = hosts->kinds->pdata[h];
            matrix->cells[g * width + h] =
                fleet_judge(first->pdata[g], is_known ? &side : NULL, kind->host, map);
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

size_t fleet_matrix_count_targets(const fleet_matrix *matrix, size_t guest, enum fleet_can can)
{
    const fleet_guest *one = matrix->guests->pdata[guest];
    size_t count = 0;
    for (size_t h = 0; h < matrix->hosts->kinds->len; h++) {
        const struct host_kind *kind = matrix->hosts->kinds->pdata[h];
        bool is_home = inventory_find(matrix->hosts, one->host) == kind;
        bool is = fleet_matrix_get(matrix, matrix->kinds[guest], h)->can == can;
        count += is ? kind->names->len - is_home : 0;
    }
    return count;
}
