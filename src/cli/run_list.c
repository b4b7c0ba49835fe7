// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/run_list.h"

#include "cli/values.h"
#include "core/variant.h"
#include "mask/cpu/definition.h"

/// So many of the features that are lacking are named.
#define NAMED_MAX 5

static void add_line(GString *text, const char *name, const catalog *map, mask_host *host)
{
    DEFINITION_AUTO definition = {0};
    g_autoptr(cpulift_error) err = NULL;
    if (definition_load(name, false, map, &definition, &err) != 0) {
        g_string_append_printf(text, "%-26s not known: %s\n", name, err->message);
        return;
    }
    g_autofree char *lacking =
        definition_list_lacking(&definition, map, mask_host_read, host, NAMED_MAX);
    g_string_append_printf(text, lacking == NULL ? "%-26s yes\n" : "%-26s no: %s\n", name, lacking);
}

int run_list_format(mask_host *host, char **ret_text, cpulift_error **err)
{
    g_autoptr(catalog) map = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    TRY(catalog_load(NULL, &map, err));
    size_t count = 0;
    const struct variant *variants = variant_get_all(&count);
    g_ptr_array_add(names, g_strdup("host"));
    for (size_t i = 0; i < count; i++) {
        g_ptr_array_add(names, g_strdup(variants[i].word));
    }
    values_add_models(NULL, 0, names);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%-26s %s\n", "CPU",
                           "whether it can be shown here, or what this machine lacks for it");
    for (unsigned i = 0; i < names->len; i++) {
        add_line(text, names->pdata[i], map, host);
    }
    *ret_text = g_string_free(text, FALSE);
    return 0;
}
