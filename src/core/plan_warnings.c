// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/plan_warnings.h"

#include "base/json.h"
#include "base/text.h"
#include "core/guest.h"
#include "core/plan.h"
#include "core/plan_model.h"
#include "core/planner_define.h"

#include <string.h>

/// So many stand in a sentence.
#define HOSTS_IN_TEXT 3
#define FILES_IN_TEXT 8

/// The named models that these kinds' CPUs are like, in brackets after the hosts; "" where no host
/// says.
static char *format_models(const cpulift_pool *pool, const GArray *kinds)
{
    g_autoptr(GPtrArray) models = g_ptr_array_new();
    for (size_t i = 0; i < kinds->len; i++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[g_array_index(kinds, size_t, i)];
        char *model = kind->host->model_name;
        if (model != NULL && !g_ptr_array_find_with_equal_func(models, model, g_str_equal, NULL)) {
            g_ptr_array_add(models, model);
        }
    }
    g_autofree char *joined =
        text_join_some((const char *const *)models->pdata, models->len, HOSTS_IN_TEXT);
    return models->len > 0 ? g_strdup_printf(" (%s)", joined) : g_strdup("");
}

/// Adds a warning; `text` is taken over, as are `features` (NULL: none in particular).
static json_t *warn(json_t *warnings, const char *code, char *text, json_t *features)
{
    text_make_printable(text);
    json_t *item = json_pack("{s:s, s:s, s:o*}", "code", code, "text", text, "features", features);
    g_free(text);
    json_array_append_new(warnings, item);
    return item;
}

/// As warn, about these kinds: `text` follows their names.
static void warn_kinds(json_t *warnings, const cpulift_pool *pool, const char *code,
                       const GArray *kinds, const char *text, json_t *features)
{
    size_t total = 0;
    g_autoptr(GPtrArray) hosts = pool_get_hosts(pool->inv, kinds, PLAN_HOSTS_MAX, &total);
    g_autofree char *joined = pool_join_hosts(pool->inv, kinds, HOSTS_IN_TEXT);
    g_autofree char *models = format_models(pool, kinds);
    json_t *item = warn(warnings, code, g_strconcat(joined, models, ": ", text, NULL), features);
    json_object_set_new(item, "hosts",
                        json_new_strings((const char *const *)hosts->pdata, hosts->len));
    json_object_set_new(item, "host_count", json_integer((json_int_t)total));
}

static void warn_lost(json_t *warnings, const cpulift_pool *pool,
                      const struct mitigation_group *group)
{
    g_autofree char *names = mitigation_join_names(group);
    g_autofree char *remedy = mitigation_describe_remedy(pool, group);
    g_autofree char *text = g_strdup_printf("guests lose the mitigation%s %s; %s",
                                            group->names->len == 1 ? "" : "s", names, remedy);
    json_t *features =
        json_new_strings((const char *const *)group->names->pdata, group->names->len);
    if (group->kinds->len == 0) {
        warn(warnings, "mitigation", g_steal_pointer(&text), features);
    } else {
        warn_kinds(warnings, pool, "mitigation", group->kinds, text, features);
    }
}

static void warn_hazard(json_t *warnings, const cpulift_pool *pool,
                        const struct mitigation_group *group)
{
    g_autofree char *names = mitigation_join_names(group);
    g_autofree char *remedy = mitigation_describe_remedy(pool, group);
    g_autofree char *text = g_strdup_printf(
        "their CPUs announce %s, which guests of this plan do not see: there they trust a "
        "protection (retpoline) that does not hold; %s",
        names, remedy);
    warn_kinds(warnings, pool, "hazard", group->kinds, text,
               json_new_strings((const char *const *)group->names->pdata, group->names->len));
}

/// The files of /sys/devices/system/cpu/vulnerabilities by which the kernel calls this host
/// vulnerable.
static char *find_vulnerable(const cpulift_host *host, const catalog *map)
{
    (void)map;
    g_autoptr(GPtrArray) files = g_ptr_array_new();
    const char *file;
    json_t *state;
    json_object_foreach (host->vulnerabilities, file, state) {
        if (json_is_string(state) && g_str_has_prefix(json_string_value(state), "Vulnerable")) {
            g_ptr_array_add(files, (char *)file);
        }
    }
    g_ptr_array_sort(files, text_compare);
    g_autofree char *joined =
        text_join_some((const char *const *)files->pdata, files->len, FILES_IN_TEXT);
    return files->len > 0 ? g_strdup_printf("vulnerable by the kernel's own word: %s", joined)
                          : NULL;
}

static char *find_silicon(const cpulift_host *host, const catalog *map)
{
    (void)map;
    return host->is_silicon ? g_strdup("what guests get is taken from the physical CPU, not from "
                                       "KVM: guests may not start")
                            : NULL;
}

/// Of such hosts nothing can be said that holds for a vendor.
static char *find_no_vendor(const cpulift_host *host, const catalog *map)
{
    if (catalog_has_vendor(map, host->vendor)) {
        return NULL;
    }
    const char *what = host->vendor != NULL ? "libvirt does not know" : "is not said";
    return g_strdup_printf("the CPU's vendor%s%s %s: the plan names none, and what its model hides "
                           "from guests there is not known",
                           host->vendor != NULL ? ", which is called " : "",
                           host->vendor != NULL ? host->vendor : "", what);
}

/// What a host is warned of, and the words for it; NULL where there is nothing.
static const struct {
    const char *code;
    char *(*find)(const cpulift_host *host, const catalog *map);
} host_warnings[] = {
    {"silicon", find_silicon},
    {"vendor", find_no_vendor},
    {"vulnerable", find_vulnerable},
};

/// One warning for all kinds of which the same is to be said, in the order of the first.
static void warn_hosts(json_t *warnings, const cpulift_pool *pool, size_t row)
{
    size_t count = pool->inv->kinds->len;
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    for (size_t k = 0; k < count; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
        g_ptr_array_add(texts, host_warnings[row].find(kind->host, pool->inv->map));
    }
    for (size_t k = 0; k < count; k++) {
        g_autofree char *text = g_steal_pointer(&texts->pdata[k]);
        if (text == NULL) {
            continue;
        }
        g_autoptr(GArray) kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
        g_array_append_val(kinds, k);
        for (size_t other = k + 1; other < count; other++) {
            if (g_strcmp0(texts->pdata[other], text) == 0) {
                g_array_append_val(kinds, other);
                g_clear_pointer(&texts->pdata[other], g_free);
            }
        }
        warn_kinds(warnings, pool, host_warnings[row].code, kinds, text, NULL);
    }
}

/// Known widths that differ.
static const char *explain_width(const cpulift_cpu *cpu)
{
    return cpu->phys_bits != 0
               ? "the hosts' physical-address widths differ: the smallest is stated"
               : "the hosts' physical-address widths differ or are not known, and the definition "
                 "states none: for qemu guests it never does";
}

/// Whose libvirt keeps the definition from stating the width that is known. The caller unrefs.
static GArray *find_unable(const cpulift_pool *pool)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
        if (!planner_takes_width(kind->host->libvirt_version)) {
            g_array_append_val(kinds, k);
        }
    }
    return kinds;
}

/// A width that is known and not stated: guests get another.
static void warn_unstated_width(json_t *warnings, const cpulift_pool *pool)
{
    g_autoptr(GArray) kinds = find_unable(pool);
    g_autofree char *text = g_strdup_printf(
        "libvirt is older than " PLANNER_WIDTH_SINCE " there, or its version is not known, so the "
        "definition does not state %s (%u bits): guests get " PLAN_QEMU_WIDTH ", and may not start "
        "or migrate everywhere; update it, or say its version ('cpulift import --libvirt')",
        pool->is_phys_bits_mixed ? "the smallest of the hosts' physical-address widths, which "
                                   "differ"
                                 : "the hosts' physical-address width",
        pool->phys_bits);
    warn_kinds(warnings, pool, "phys-bits", kinds, text, NULL);
}
/// Unknown on every host is not the same on every host. The caller unrefs.
static GArray *find_unknown_width(const cpulift_pool *pool)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
        if (host_get_width(kind->host, pool->guests[k]) == 0) {
            g_array_append_val(kinds, k);
        }
    }
    return kinds;
}

static void warn_width(json_t *warnings, const cpulift_pool *pool, const cpulift_cpu *cpu)
{
    bool is_kvm = strcmp(pool->virt, "kvm") == 0;
    g_autoptr(GArray) unknown = find_unknown_width(pool);
    if (is_kvm && unknown->len > 0) {
        warn_kinds(
            warnings, pool, "phys-bits", unknown,
            "the width of a physical address is not known, so the definition states none; if "
            "hosts differ, guests may not migrate: scan them again, or import 'virsh "
            "capabilities' beside",
            NULL);
    } else if (is_kvm && cpu->phys_bits == 0) {
        warn_unstated_width(warnings, pool);
    } else if (pool->is_phys_bits_mixed) {
        warn(warnings, "phys-bits", g_strdup(explain_width(cpu)), NULL);
    }
}

json_t *plan_format_warnings(const cpulift_pool *pool, const cpulift_cpu *cpu,
                             const GPtrArray *lost, const GPtrArray *hazards)
{
    json_t *warnings = json_array();
    if (pool->is_mixed_vendor) {
        warn(warnings, "mixed-vendor",
             g_strdup("the pool mixes vendors: the guest's vendor string, MSRs, errata and TSC "
                      "behaviour differ after a migration, and libvirt may refuse it"),
             NULL);
    }
    warn_width(warnings, pool, cpu);
    for (size_t i = 0; i < lost->len; i++) {
        warn_lost(warnings, pool, lost->pdata[i]);
    }
    for (size_t i = 0; i < hazards->len; i++) {
        warn_hazard(warnings, pool, hazards->pdata[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(host_warnings); i++) {
        warn_hosts(warnings, pool, i);
    }
    return warnings;
}

void plan_warn_poor(json_t *warnings, const catalog *map, const feature_set *features)
{
    feature_set missing = {0};
    if (catalog_compute_level(map, features, &missing) > 0) {
        return;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    feature_set_foreach (id, &missing) {
        g_ptr_array_add(names, (char *)catalog_get_feature(map, id)->name);
    }
    g_autofree char *joined =
        text_join_some((const char *const *)names->pdata, names->len, FILES_IN_TEXT);
    warn(warnings, "level",
         g_strdup_printf("guests get less than any x86-64 system needs (%s): none will boot; look "
                         "at what the hosts' documents give",
                         joined),
         NULL);
}

/// The kinds that this vulnerability is hidden from.
static GArray *find_hidden(const vulnerability_set *hidden, size_t count, size_t vulnerability)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t k = 0; k < count; k++) {
        if ((hidden[k] >> vulnerability & 1) != 0) {
            g_array_append_val(kinds, k);
        }
    }
    return kinds;
}

/// The vulnerabilities that are hidden from the same kinds as this one.
static vulnerability_set find_alike(const vulnerability_set *hidden, size_t count,
                                    size_t vulnerability)
{
    vulnerability_set alike = ~0U;
    for (size_t k = 0; k < count; k++) {
        alike &= (hidden[k] >> vulnerability & 1) != 0 ? hidden[k] : ~hidden[k];
    }
    return alike;
}

void plan_warn_hidden(json_t *warnings, const cpulift_pool *pool, const struct model_verdict *taken,
                      const feature_set *features)
{
    vulnerability_set left = taken->hidden;
    size_t count = left != 0 ? pool->inv->kinds->len : 0;
    g_autofree vulnerability_set *hidden = g_new0(vulnerability_set, count);
    for (size_t k = 0; k < count; k++) {
        hidden[k] = model_find_hidden(pool, k, taken->model, features);
    }
    for (size_t i = 0; left != 0; i++) {
        if ((left >> i & 1) == 0) {
            continue;
        }
        g_autoptr(GArray) kinds = find_hidden(hidden, count, i);
        vulnerability_set alike = find_alike(hidden, count, i) & left;
        g_autofree char *names = plan_join_vulnerabilities(alike);
        g_autofree char *text = g_strdup_printf(
            "their CPUs have %s, and a guest's kernel takes model %s (family %u, model %u) not to: "
            "it does not protect itself",
            names, taken->model->name, taken->model->family, taken->model->model);
        warn_kinds(warnings, pool, "hidden", kinds, text, NULL);
        left &= ~alike;
    }
}

void plan_warn_qemu(json_t *warnings, const cpulift_pool *pool, const GArray *older)
{
    warn_kinds(warnings, pool, "qemu-range", older,
               "QEMU is older than " GUEST_QEMU_BREAK_TEXT
               " there, and not on other hosts: guests with more than one logical CPU per socket "
               "migrate among either, never between the two; sockets instead of cores in their "
               "<topology> join them",
               NULL);
}
