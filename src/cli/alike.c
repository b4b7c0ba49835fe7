// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/alike.h"

#include "base/json.h"

static void free_alike(void *data)
{
    struct alike *alike = data;
    json_decref(alike->names);
    g_free(alike);
}

/// What the object says of the keys. The caller's.
static char *format_members(const json_t *object, const char *const *keys)
{
    g_autoptr(json_t) members = json_object();
    for (; *keys != NULL; keys++) {
        json_object_set(members, *keys, json_object_get(object, *keys));
    }
    return json_format_line(members);
}

GPtrArray *alike_list(const json_t *list, const char *const *keys)
{
    GPtrArray *found = g_ptr_array_new_with_free_func(free_alike);
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        char *told = format_members(item, keys);
        struct alike *alike = g_hash_table_lookup(known, told);
        if (alike == NULL) {
            alike = g_new(struct alike, 1);
            *alike = (struct alike){item, json_array()};
            g_ptr_array_add(found, alike);
        }
        g_hash_table_replace(known, told, alike);
        json_array_append(alike->names, json_object_get(item, "feature"));
    }
    return found;
}
