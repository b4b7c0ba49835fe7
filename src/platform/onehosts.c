// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/onehosts.h"

#include "base/text.h"
#include "base/xml.h"

#include <string.h>

/// What one host's monitoring says; the probes are kvm-probes.d/host/system/machines_models.rb and
/// cpu_features.sh.
struct onehost {
    char *name;
    char **models;   ///< KVM_CPU_MODELS, blanks between
    char **features; ///< KVM_CPU_FEATURES, commas between: the silicon's, all written out
};

static void onehost_free(void *data)
{
    struct onehost *host = data;
    g_free(host->name);
    g_strfreev(host->models);
    g_strfreev(host->features);
    g_free(host);
}

static char *get_child_text(const xmlNode *parent, const char *name)
{
    const xmlNode *child = parent != NULL ? xml_find_child(parent, name) : NULL;
    return child != NULL ? xml_get_text(child) : g_strdup("");
}

static void add_host(const xmlNode *node, GPtrArray *hosts)
{
    const xmlNode *template = xml_find_child(node, "TEMPLATE");
    g_autofree char *models = get_child_text(template, "KVM_CPU_MODELS");
    g_autofree char *features = get_child_text(template, "KVM_CPU_FEATURES");
    struct onehost *host = g_new0(struct onehost, 1);
    host->name = get_child_text(node, "NAME");
    text_make_printable(host->name);
    host->models = g_strsplit(models, " ", -1);
    host->features = g_strsplit(features, ",", -1);
    g_ptr_array_add(hosts, host);
}

static int read_hosts(const char *xml, size_t len, const char *name, GPtrArray *hosts,
                      cpulift_error **err)
{
    g_autoptr(xmlDoc) doc = NULL;
    TRY(xml_parse(xml, len, name, &doc, err));
    const xmlNode *top = xmlDocGetRootElement(doc);
    if (strcmp((const char *)top->name, "HOST") == 0) {
        add_host(top, hosts);
    }
    for (const xmlNode *node = xml_find_child(top, "HOST"); node != NULL;
         node = xml_find_next(node, "HOST")) {
        add_host(node, hosts);
    }
    return hosts->len > 0 ? 0
                          : cpulift_error_set(err, CPULIFT_EINPUT,
                                              "'%s' holds no HOST: give what 'onehost list --xml' "
                                              "prints",
                                              name);
}

static bool has(char *const *words, const char *word)
{
    return g_strv_contains((const char *const *)words, word);
}

/// Those of `names` that are among `words`.
static GPtrArray *keep(GPtrArray *names, char *const *words)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *kept = g_ptr_array_new();
    for (; *words != NULL; words++) {
        g_hash_table_add(known, *words);
    }
    for (size_t i = 0; i < names->len; i++) {
        if (*(char *)names->pdata[i] != '\0' && g_hash_table_contains(known, names->pdata[i])) {
            g_ptr_array_add(kept, names->pdata[i]);
        }
    }
    g_ptr_array_unref(names);
    return kept;
}

/// The models that every host lists, in the first one's order.
static char *intersect_models(const GPtrArray *hosts)
{
    const struct onehost *first = g_ptr_array_index(hosts, 0);
    g_autoptr(GPtrArray) common = g_ptr_array_new();
    for (char **model = first->models; *model != NULL; model++) {
        g_ptr_array_add(common, *model);
    }
    for (size_t i = 0; i < hosts->len; i++) {
        const struct onehost *host = g_ptr_array_index(hosts, i);
        common = keep(common, host->models);
    }
    char *names = text_join_some((const char *const *)common->pdata, common->len, 200);
    text_make_printable(names);
    return names;
}

/// What the definition requires and the host's features, name by name, lack. Features that QEMU or
/// KVM make are in no silicon and not asked for here.
static void check_host(const struct onehost *host, const cpulift_plan *plan, GPtrArray *lines)
{
    static const char *const made[] = {"hypervisor",   "arat",       "x2apic",
                                       "tsc-deadline", "tsc_adjust", NULL};
    g_autoptr(GPtrArray) missing = g_ptr_array_new();
    for (size_t i = 0; i < plan->cpu->feature_count; i++) {
        const struct cpu_feature *feature = &plan->cpu->features[i];
        if (feature->policy == CPU_REQUIRE && !has(host->features, feature->name) &&
            !g_strv_contains(made, feature->name)) {
            g_ptr_array_add(missing, feature->name);
        }
    }
    if (!has(host->models, plan->cpu->model)) {
        g_ptr_array_add(lines, g_strdup_printf("host '%s' does not list the plan's model %s",
                                               host->name, plan->cpu->model));
    }
    if (missing->len > 0) {
        g_autofree char *names =
            text_join_some((const char *const *)missing->pdata, missing->len, 12);
        g_ptr_array_add(lines, g_strdup_printf("host '%s' does not list, as whole names: %s",
                                               host->name, names));
    }
}

int onehosts_check(const char *xml, size_t len, const char *name, const cpulift_plan *plan,
                   GPtrArray *lines, cpulift_error **err)
{
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func(onehost_free);
    TRY(read_hosts(xml, len, name, hosts, err));
    g_autofree char *models = intersect_models(hosts);
    g_ptr_array_add(lines, g_strdup_printf("EVC_MODE can be one of what all %u hosts list: %s",
                                           hosts->len, *models ? models : "nothing"));
    for (size_t i = 0; i < hosts->len; i++) {
        check_host(g_ptr_array_index(hosts, i), plan, lines);
    }
    return 0;
}
