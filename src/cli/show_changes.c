// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/show_changes.h"

#include "cli/table.h"
#include "platform/change.h"

/// So much of a property's value is shown.
#define VALUE_MAX 60

/// "+12 -3": the lines that the change adds and takes away. The caller frees it; NULL where they
/// are not lines.
static char *count_lines(const struct change *change)
{
    g_autoptr(GString) diff = g_string_new(NULL);
    change_append_diff(diff, change, &change->before, &change->after);
    g_auto(GStrv) lines = g_strsplit(diff->str, "\n", -1);
    char **line = lines;
    while (*line != NULL && !g_str_has_prefix(*line, "@@ ")) {
        line++;
    }
    size_t added = 0, removed = 0;
    for (; *line != NULL; line++) {
        added += **line == '+';
        removed += **line == '-';
    }
    return added + removed == 0 ? NULL
           : removed == 0       ? g_strdup_printf("+%zu", added)
           : added == 0         ? g_strdup_printf("-%zu", removed)
                                : g_strdup_printf("+%zu -%zu", added, removed);
}

/// What becomes of the file. The caller frees it.
static char *describe(const struct change *change)
{
    if (!change->after.exists) {
        return g_strdup("removed");
    }
    if (!change->before.exists) {
        return g_strdup_printf("new, mode %04o", change->after.mode);
    }
    return change->before.mode == change->after.mode
               ? g_strdup("changed")
               : g_strdup_printf("changed, mode %04o to %04o", change->before.mode,
                                 change->after.mode);
}

/// The caller frees it.
static char *shorten(const char *value)
{
    if (g_utf8_strlen(value, -1) <= VALUE_MAX) {
        return g_strdup(value);
    }
    g_autofree char *begin = g_utf8_substring(value, 0, VALUE_MAX);
    return g_strconcat(begin, "…", NULL);
}

/// "guest.cpu.mode = custom, was host-model".
static void add_key(table *t, const struct change_key *key)
{
    g_autofree char *after = shorten(key->after);
    g_autofree char *before = key->before != NULL ? shorten(key->before) : NULL;
    g_autofree char *text =
        g_strdup_printf("  %s = %s%s%s", key->key, after, before != NULL ? ", was " : "",
                        before != NULL ? before : "");
    const char *const cells[] = {NULL, NULL, text};
    table_add(t, cells);
}

char *show_changes(const json_t *json)
{
    g_autoptr(changeset) set = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (changeset_from_json(json, "changeset", &set, &err) != 0) {
        return g_strdup("");
    }
    static const char *const headers[] = {"BECOMES", "LINES", "FILE", NULL};
    g_autoptr(table) t = table_new(headers);
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        g_autofree char *becomes = describe(change), *lines = count_lines(change);
        const char *file = change->guest != NULL ? change->guest : change->target;
        const char *const cells[] = {becomes, lines, file};
        table_add(t, cells);
        for (size_t k = 0; k < change->keys->len; k++) {
            add_key(t, g_ptr_array_index(change->keys, k));
        }
    }
    g_autofree char *rows = table_format(t);
    return g_strdup_printf("PLATFORM %s\n\n%s", set->platform,
                           set->changes->len > 0 ? rows : "no file changes\n");
}
