// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/differences.h"

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
