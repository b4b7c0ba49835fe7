// SPDX-License-Identifier: LGPL-2.1-or-later
/// OpenNebula's settings from a stranger: read as the model of its own parser reads them, and with
/// a setting put in, the others are what they were.
#include "../platform/onelexer.h"
#include "fuzz.h"
#include "platform/onetemplate.h"

#include <string.h>

/// The model is as slow as its regular expressions.
#define SIZE_MAX_TRIED 2048

/// The settings in force, in the model's words. The caller unrefs.
static GHashTable *tell(const GPtrArray *attributes)
{
    GHashTable *settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (size_t i = 0; i < attributes->len; i++) {
        const onetemplate_attribute *attribute = attributes->pdata[i];
        GString *said = g_string_new(attribute->members != NULL ? "vector " : attribute->value);
        g_autoptr(GList) names =
            attribute->members != NULL ? g_hash_table_get_keys(attribute->members) : NULL;
        names = g_list_sort(names, (GCompareFunc)strcmp);
        for (GList *item = names; item != NULL; item = item->next) {
            const char *value = g_hash_table_lookup(attribute->members, item->data);
            g_string_append_printf(said, "[%s=%s]", (const char *)item->data, value);
        }
        g_hash_table_replace(settings, g_strdup(attribute->name), g_string_free(said, FALSE));
    }
    return settings;
}

static void compare(GHashTable *a, GHashTable *b)
{
    GHashTableIter iter;
    void *name = NULL, *value = NULL;
    g_hash_table_iter_init(&iter, a);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        g_assert_cmpstr(g_hash_table_lookup(b, name), ==, value);
    }
    g_assert_cmpuint(g_hash_table_size(a), ==, g_hash_table_size(b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SIZE_MAX_TRIED || memchr(data, '\0', size) != NULL) {
        return 0;
    }
    g_autoptr(GString) text = g_string_new_len((const char *)data, (gssize)size);
    g_autoptr(GPtrArray) attributes = NULL;
    g_autoptr(GHashTable) model = NULL;
    bool is_read = onetemplate_parse(text, "fuzz", &attributes, NULL) == 0;
    g_assert(onelexer_read(text->str, &model) == is_read);
    if (!is_read) {
        return 0;
    }
    g_autoptr(GHashTable) ours = tell(attributes);
    compare(model, ours);
    if (onetemplate_set(text, "fuzz", "CPU_MODEL", "CPU_MODEL = [ MODEL = \"m\" ]", NULL) == 0) {
        g_autoptr(GHashTable) after = NULL;
        g_assert(onelexer_read(text->str, &after));
        g_hash_table_replace(ours, g_strdup("CPU_MODEL"), g_strdup("vector [MODEL=m]"));
        compare(after, ours);
    }
    return 0;
}
