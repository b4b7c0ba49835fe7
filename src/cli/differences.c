// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/differences.h"

#include "base/json.h"
#include "cli/printed.h"
#include "cli/table.h"

char *differences_format(const GPtrArray *differences, const char *a, const char *b,
                         bool with_features)
{
    const char *const headers[] = {"DIFFERENT", a, b, NULL};
    g_autoptr(table) t = table_new(headers);
    bool is_empty = true;
    for (size_t i = 0; i < differences->len; i++) {
        const struct compare_difference *one = differences->pdata[i];
        const char *const cells[] = {one->what, one->a != NULL ? one->a : "-",
                                     one->b != NULL ? one->b : "-"};
        if (with_features || !compare_is_of_features(one)) {
            table_add(t, cells);
            is_empty = false;
        }
    }
    return is_empty ? g_strdup("") : table_format(t);
}

json_t *differences_list_only(const compare_side *a, const compare_side *b)
{
    json_t *list = json_array();
    for (char **name = a->features; *name != NULL; name++) {
        if (!g_strv_contains((const char *const *)b->features, *name)) {
            json_array_append_new(list, json_string(*name));
        }
    }
    return list;
}

char *differences_format_json(const compare_side *a, const compare_side *b, GPtrArray *differences)
{
    g_autoptr(json_t) only_a = differences_list_only(a, b);
    g_autoptr(json_t) only_b = differences_list_only(b, a);
    const struct printed_diff diff = {only_a, only_b, differences};
    g_autoptr(json_t) document = record_format(&printed_diff_record, &diff, NULL);
    return json_format_document(document);
}
