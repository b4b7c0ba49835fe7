// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/protection_table.h"

#include "base/text.h"
#include "cli/table.h"

#include <string.h>

/// So many hosts stand in a row.
#define HOSTS_IN_ROW 3

static const struct {
    const char *verdict, *color;
} colors[] = {{"wrong", "red"}, {"worse", "red"}, {"unknown", "yellow"}};

char *protection_table_join_hosts(const json_t *item)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(item, "hosts"), i, name) {
        g_ptr_array_add(names, (void *)json_string_value(name));
    }
    return text_join_some((const char *const *)names->pdata,
                          MAX(names->len, json_get_uint(item, "host_count", 0)),
                          MIN(HOSTS_IN_ROW, names->len));
}

/// "a, b"
static char *join_strings(const json_t *list, const char *between)
{
    GString *text = g_string_new(NULL);
    size_t i;
    const json_t *name;
    json_array_foreach (list, i, name) {
        g_string_append_printf(text, "%s%s", i > 0 ? between : "", json_string_value(name));
    }
    return g_string_free(text, FALSE);
}

/// "md-clear, lost by blue-05"
static char *describe_remedy(const json_t *remedy)
{
    g_autofree char *features = join_strings(json_object_get(remedy, "features"), " ");
    g_autofree char *hosts = protection_table_join_hosts(remedy);
    return !json_is_true(json_object_get(remedy, "given"))
               ? g_strdup_printf("%s, which no host gives", features)
           : *hosts != '\0' ? g_strdup_printf("%s, cost by %s", features, hosts)
                            : g_strdup_printf("%s, which the plan leaves out", features);
}

char *protection_table_explain(const json_t *document, const json_t *item)
{
    const json_t *remedy = json_object_get(item, "remedy"),
                 *models = json_object_get(item, "models");
    const char *model = json_get_string(document, "model");
    if (remedy != NULL) {
        g_autofree char *why = describe_remedy(remedy);
        return g_strdup_printf("for want of %s", why);
    }
    g_autofree char *others = join_strings(models, ", ");
    return models == NULL    ? g_strdup("")
           : *others == '\0' ? g_strdup("no model would tell guests")
                             : g_strdup_printf("hidden by model %s; not by %s",
                                               model != NULL ? model : "-", others);
}

/// "a, b: Mitigation: PTI"
static char *describe_hosts(const json_t *item)
{
    const char *text = json_get_string(item, "text"), *source = json_get_string(item, "source");
    g_autofree char *hosts = protection_table_join_hosts(item);
    return g_strdup_printf("%s: %s%s", hosts, text != NULL ? text : "not known",
                           text != NULL && g_strcmp0(source, "predicted") == 0 ? " (predicted)"
                                                                               : "");
}

static void add_file(table *t, const json_t *document, const json_t *item)
{
    g_autofree char *why = protection_table_explain(document, item);
    const char *verdict = json_get_string(item, "verdict");
    const char *guest = json_get_string(item, "guest");
    const json_t *hosts = json_object_get(item, "hosts");
    for (size_t i = 0; i < MAX(json_array_size(hosts), 1); i++) {
        const json_t *of = json_array_get(hosts, i);
        g_autofree char *said = of != NULL ? describe_hosts(of) : g_strdup("not known");
        const char *const first[] = {json_get_string(item, "name"), verdict,
                                     guest != NULL ? guest : "not known", said, why};
        const char *const more[] = {NULL, NULL, NULL, said, NULL};
        table_add(t, i == 0 ? first : more);
        for (size_t c = 0; c < G_N_ELEMENTS(colors) && i == 0; c++) {
            if (strcmp(verdict, colors[c].verdict) == 0) {
                table_add_color(t, 1, colors[c].color);
            }
        }
    }
}

char *protection_table_format(const json_t *document)
{
    static const char *const headers[] = {"VULNERABILITY", "VERDICT", "THE GUEST'S KERNEL SAYS",
                                          "THE HOSTS SAY", "WHY",     NULL};
    g_autoptr(table) t = table_new(headers);
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(document, "vulnerabilities"), i, item) {
        add_file(t, document, item);
    }
    return table_format(t);
}
