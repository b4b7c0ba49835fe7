// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/plan_warnings.h"

#include "base/json.h"

#include <string.h>

/// So many stand in a sentence.
#define HOSTS_IN_TEXT 3

/// Adds a warning about these kinds (NULL: none in particular) and, with `id`, a feature.
static void warn(json_t *warnings, const cpulift_pool *pool, const char *code, const GArray *kinds,
                 const char *feature, const char *format)
{
    json_t *item = json_pack("{s:s}", "code", code);
    g_autofree char *joined = g_strdup("");
    if (kinds != NULL) {
        size_t total = 0;
        g_autoptr(GPtrArray) hosts = pool_get_hosts(pool->inv, kinds, PLAN_HOSTS_MAX, &total);
        json_object_set_new(item, "hosts",
                            json_new_strings((const char *const *)hosts->pdata, hosts->len));
        json_object_set_new(item, "host_count", json_integer((json_int_t)total));
        g_free(joined);
        joined = pool_join_hosts(pool->inv, kinds, HOSTS_IN_TEXT);
    }
    if (feature != NULL) {
        json_object_set_new(item, "feature", json_string(feature));
    }
    g_auto(GStrv) around_hosts = g_strsplit(format, "{hosts}", 2);
    g_autofree char *text = g_strjoinv(joined, around_hosts);
    json_object_set_new(item, "text", json_string(text));
    json_array_append_new(warnings, item);
}

static void warn_mitigations(json_t *warnings, const cpulift_pool *pool)
{
    feature_set lost = feature_set_subtract(
        feature_set_intersect(pool->any, catalog_get_class(pool->inv->map, FEATURE_MITIGATION)),
        pool->common);
    feature_set_foreach (id, &lost) {
        const char *name = catalog_get_feature(pool->inv->map, id)->name;
        g_autoptr(GArray) costs = pool_find_costs(pool, id);
        g_autofree char *text =
            g_strdup_printf("guests lose the mitigation %s because of {hosts}", name);
        warn(warnings, pool, "mitigation", costs, name, text);
    }
}

static bool is_vulnerable(const cpulift_host *host)
{
    const char *file;
    json_t *state;
    json_object_foreach (host->vulnerabilities, file, state) {
        if (json_is_string(state) && g_str_has_prefix(json_string_value(state), "Vulnerable")) {
            return true;
        }
    }
    return false;
}

static bool is_silicon(const cpulift_host *host)
{
    return host->is_silicon;
}

/// Without a vendor a host may be of another than the pool's.
static bool has_no_vendor(const cpulift_host *host)
{
    return host->vendor == NULL;
}

static const struct {
    const char *code;
    bool (*applies)(const cpulift_host *host);
    const char *text;
} host_warnings[] = {
    {"silicon", is_silicon,
     "what {hosts} can give is taken from the physical CPU, not from KVM: guests may not start"},
    {"vendor", has_no_vendor,
     "{hosts} do not say the CPU's vendor: if it is another than the pool's, guests cannot "
     "migrate"},
    {"vulnerable", is_vulnerable, "the kernel calls {hosts} vulnerable; see the host documents"},
};

static void warn_hosts(json_t *warnings, const cpulift_pool *pool)
{
    for (size_t i = 0; i < G_N_ELEMENTS(host_warnings); i++) {
        g_autoptr(GArray) kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
        for (size_t k = 0; k < pool->inv->kinds->len; k++) {
            const struct host_kind *kind = pool->inv->kinds->pdata[k];
            if (host_warnings[i].applies(kind->host)) {
                g_array_append_val(kinds, k);
            }
        }
        if (kinds->len > 0) {
            warn(warnings, pool, host_warnings[i].code, kinds, NULL, host_warnings[i].text);
        }
    }
}

json_t *plan_format_warnings(const cpulift_pool *pool, const cpulift_cpu *cpu)
{
    json_t *warnings = json_array();
    if (pool->is_mixed_vendor) {
        warn(warnings, pool, "mixed-vendor", NULL, NULL,
             "the pool mixes vendors: the guest's vendor string, MSRs, errata and TSC behaviour "
             "differ "
             "after a migration, and libvirt may refuse it");
    }
    if (pool->is_phys_bits_mixed) {
        warn(warnings, pool, "phys-bits", NULL, NULL,
             cpu->phys_bits != 0
                 ? "the hosts' physical-address widths differ: the smallest is stated"
                 : "the hosts' physical-address widths differ or are not known, and the definition "
                   "does "
                   "not state one: libvirt 8.7 or newer is needed on every host");
    }
    warn_mitigations(warnings, pool);
    warn_hosts(warnings, pool);
    return warnings;
}
