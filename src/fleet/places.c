// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/places.h"

#include <string.h>

static int compare_places(const void *a, const void *b)
{
    const struct fleet_place *pa = a, *pb = b;
    return strcmp(pa->name, pb->name);
}

/// Notes the kinds of the hosts on one of the sides.
static void add_side(GArray *places, GHashTable *indices, const inventory *hosts, bool is_after)
{
    for (size_t k = 0; k < hosts->kinds->len; k++) {
        const struct host_kind *kind = hosts->kinds->pdata[k];
        for (size_t i = 0; i < kind->names->len; i++) {
            char *name = kind->names->pdata[i];
            void *index = NULL;
            if (!g_hash_table_lookup_extended(indices, name, NULL, &index)) {
                struct fleet_place new = {name, FLEET_NOWHERE, FLEET_NOWHERE, false};
                index = GSIZE_TO_POINTER(places->len);
                g_hash_table_insert(indices, name, index);
                g_array_append_val(places, new);
            }
            struct fleet_place *place =
                &g_array_index(places, struct fleet_place, GPOINTER_TO_SIZE(index));
            *(is_after ? &place->after : &place->before) = k;
        }
    }
}

fleet_places *fleet_places_new(const inventory *before, const inventory *after)
{
    GArray *places = g_array_new(FALSE, FALSE, sizeof(struct fleet_place));
    g_autoptr(GHashTable) indices = g_hash_table_new(g_str_hash, g_str_equal);
    add_side(places, indices, before, false);
    add_side(places, indices, after, true);
    for (size_t i = 0; i < places->len; i++) {
        struct fleet_place *place = &g_array_index(places, struct fleet_place, i);
        bool is_both = place->before != FLEET_NOWHERE && place->after != FLEET_NOWHERE;
        place->is_changed =
            is_both && ((const struct host_kind *)before->kinds->pdata[place->before])->host !=
                           ((const struct host_kind *)after->kinds->pdata[place->after])->host;
    }
    g_array_sort(places, compare_places);
    return places;
}

bool fleet_places_can(const fleet_matrix *matrix, size_t guest, size_t host_kind)
{
    return fleet_matrix_get(matrix, fleet_matrix_get_kind(matrix, guest), host_kind)->can ==
           FLEET_YES;
}
