// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hosts_file.h"

#include "base/file.h"
#include "base/text.h"

#include <string.h>

static void free_entry(void *data)
{
    struct hosts_entry *entry = data;
    g_free(entry->name);
    g_free(entry->uri);
    g_free(entry);
}

GPtrArray *hosts_file_new(void)
{
    return g_ptr_array_new_with_free_func(free_entry);
}

/// The words up to a comment.
static GPtrArray *split(const char *line)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) parts = g_strsplit_set(line, " \t\r", -1);
    for (char **part = parts; *part != NULL && (*part)[0] != '#'; part++) {
        if ((*part)[0] != '\0') {
            g_ptr_array_add(words, g_strdup(*part));
        }
    }
    return words;
}

/// A name stands for one host: `named` has the entries by name.
static int check_new(GHashTable *named, struct hosts_entry *entry, const char *where, size_t number,
                     cpulift_error **err)
{
    const struct hosts_entry *other =
        entry->name != NULL ? g_hash_table_lookup(named, entry->name) : NULL;
    if (other != NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s', line %zu: a host is called '%s' already ('%s'); name "
                                 "them apart",
                                 where, number, entry->name, other->uri);
    }
    if (entry->name != NULL) {
        g_hash_table_insert(named, entry->name, entry);
    }
    return 0;
}

static int parse_line(GPtrArray *entries, GHashTable *named, const char *line, const char *where,
                      size_t number, cpulift_error **err)
{
    g_autoptr(GPtrArray) words = split(line);
    if (words->len == 0) {
        return 0;
    }
    const char *uri = words->pdata[words->len - 1];
    const char *name = words->len == 2 ? words->pdata[0] : NULL;
    if (words->len > 2 || strstr(uri, ":/") == NULL || (name != NULL && !text_is_name(name))) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s', line %zu: expected 'URI' or 'NAME URI', found '%.200s'",
                                 where, number, line);
    }
    struct hosts_entry *entry = g_new0(struct hosts_entry, 1);
    *entry = (struct hosts_entry){g_strdup(name), g_strdup(uri)};
    g_ptr_array_add(entries, entry);
    return check_new(named, entry, where, number, err);
}

int hosts_file_parse(GPtrArray *entries, const char *text, const char *where, cpulift_error **err)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GHashTable) named = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; lines[i] != NULL; i++) {
        TRY(parse_line(entries, named, lines[i], where, i + 1, err));
    }
    return entries->len > 0 ? 0
                            : cpulift_error_set(err, CPULIFT_EINPUT, "'%s' lists no host", where);
}

int hosts_file_load_names(const char *path, GPtrArray **ret_names, cpulift_error **err)
{
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) entries = hosts_file_new();
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    TRY(file_load(path, FILE_DOCUMENT_MAX, &text, NULL, err));
    TRY(hosts_file_parse(entries, text, path, err));
    for (size_t i = 0; i < entries->len; i++) {
        const struct hosts_entry *entry = entries->pdata[i];
        if (entry->name == NULL) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s' does not name the host at '%s', so its document cannot "
                                     "be demanded; write 'NAME URI'",
                                     path, entry->uri);
        }
        g_ptr_array_add(names, g_strdup(entry->name));
    }
    *ret_names = g_steal_pointer(&names);
    return 0;
}
