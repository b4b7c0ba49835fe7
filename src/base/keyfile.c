// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/keyfile.h"

#include <string.h>

/// GKeyFile takes the last of two lines with one key, and drops the first without a word. A line is
/// split as it does it; groups of one name are one.
static int check_once(const char *text, size_t len, const char *name, cpulift_error **err)
{
    g_autofree char *copy = g_strndup(text, len), *group = g_strdup("");
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        const char *start = *line + strspn(*line, " \t\r\v\f");
        const char *end = strchr(start, '=');
        if (*start == '[') {
            g_free(group);
            group = g_strndup(start, strcspn(start, "]"));
        }
        if (*start == '#' || *start == '[' || end == NULL) {
            continue;
        }
        g_autofree char *key = g_strchomp(g_strndup(start, (size_t)(end - start)));
        g_autofree char *whole = g_strdup_printf("%s]%s", group, key);
        if (g_hash_table_contains(seen, whole)) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s' has key '%s' twice, line %zu for the second time: write "
                                     "one line, its values between ';'",
                                     name, key, (size_t)(line - lines) + 1);
        }
        g_hash_table_add(seen, g_steal_pointer(&whole));
    }
    return 0;
}

int keyfile_parse(const char *text, size_t len, const char *name, const char *kind,
                  GKeyFile **ret_file, cpulift_error **err)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;
    // Without the flag a key in brackets, `deny[de]`, would be passed over.
    if (!g_key_file_load_from_data(file, text, len, G_KEY_FILE_KEEP_TRANSLATIONS, &error)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is no %s: %s", name, kind,
                                 error->message);
    }
    TRY(check_once(text, len, name, err));
    *ret_file = g_steal_pointer(&file);
    return 0;
}
