// SPDX-License-Identifier: LGPL-2.1-or-later
/// The plan's document: what it holds, what it lost and to whom, and what an operator should know.
#include "base/json.h"
#include "base/text.h"
#include "core/planner_internal.h"

#include <string.h>

/// So many hosts are named with a loss; the document's kinds name the rest.
#define HOSTS_IN_LOSS 100
/// So many stand in a sentence.
#define HOSTS_IN_TEXT 3

static json_t *format_level(unsigned level)
{
    return level == 0 ? json_null() : json_sprintf("x86-64-v%u", level);
}

static void set_level(json_t *json, const catalog *map, const feature_set *features)
{
    feature_set missing;
    unsigned level = catalog_compute_level(map, features, &missing);
    json_object_set_new(json, "level", format_level(level));
    if (!feature_set_is_empty(&missing)) {
        json_object_set_new(json, "next_level",
                            json_pack("{s:o, s:o}", "level", format_level(level + 1), "missing",
                                      host_format_features(&missing, map)));
    }
}

/// What a guest of this model sees besides features; under KVM the vendor is the host's.
static void set_identity(json_t *json, const catalog *map, const cpulift_cpu *cpu)
{
    const struct catalog_model *model = catalog_find_model(map, cpu->model);
    if (model != NULL && model->family != 0) {
        json_object_set_new(json, "signature",
                            json_pack("{s:i, s:i, s:i}", "family", (int)model->family, "model",
                                      (int)model->model, "stepping", (int)model->stepping));
    }
}

json_t *planner_new_document(const catalog *map, const struct planner_options *options,
                             const char *variant, const char *virt, const char *machine,
                             const cpulift_cpu *cpu, const feature_set *features)
{
    const char *pool = options->pool != NULL ? options->pool : "default";
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "schema", PLAN_SCHEMA, "pool", pool, "variant",
                  variant, "arch", "x86_64", "virt", virt, "machine", machine);
    json_object_set_new(json, "definition", plan_format_definition(cpu));
    json_object_set_new(json, "features", host_format_features(features, map));
    set_level(json, map, features);
    set_identity(json, map, cpu);
    return json;
}

static json_t *format_indices(const GArray *kinds)
{
    json_t *array = json_array();
    for (size_t i = 0; i < kinds->len; i++) {
        json_array_append_new(array, json_integer((json_int_t)g_array_index(kinds, size_t, i)));
    }
    return array;
}

static json_t *format_loss(const struct planning *planning, size_t id)
{
    g_autoptr(GArray) costs = planner_find_costs(planning, id);
    size_t total = 0;
    g_autoptr(GPtrArray) hosts = planner_get_hosts(planning, costs, HOSTS_IN_LOSS, &total);
    json_t *loss =
        json_pack("{s:s, s:o, s:I, s:o}", "feature", catalog_get_feature(planning->map, id)->name,
                  "hosts", json_new_strings((const char *const *)hosts->pdata, hosts->len),
                  "host_count", (json_int_t)total, "kinds", format_indices(costs));
    enum policy_reason reason =
        policy_find_reason(&planning->options->policy, planning->map, planning->policy_vendor, id);
    if (reason != POLICY_GIVEN) {
        json_object_set_new(loss, "policy", json_string(policy_reason_to_string(reason)));
    }
    return loss;
}

static json_t *format_losses(const struct planning *planning)
{
    json_t *losses = json_array();
    feature_set lost = feature_set_subtract(planning->any, planning->common);
    feature_set_foreach (id, &lost) {
        json_array_append_new(losses, format_loss(planning, id));
    }
    return losses;
}

/// Names that hosts know and this catalogue does not, sorted.
static GPtrArray *collect_unknown(const struct planning *planning)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *sorted = g_ptr_array_new();
    for (size_t k = 0; k < planning->inv->kinds->len; k++) {
        char **unknown = planning->guests[k]->unknown;
        for (; unknown != NULL && *unknown != NULL; unknown++) {
            if (g_hash_table_add(names, *unknown)) {
                g_ptr_array_add(sorted, *unknown);
            }
        }
    }
    g_ptr_array_sort(sorted, text_compare);
    return sorted;
}

static json_t *format_omitted(const struct planning *planning)
{
    json_t *omitted = json_array();
    feature_set left = feature_set_subtract(planning->common, planning->chosen);
    feature_set_foreach (id, &left) {
        enum policy_reason reason = planning->reasons[id];
        json_t *item =
            json_pack("{s:s, s:s}", "feature", catalog_get_feature(planning->map, id)->name,
                      "reason", policy_reason_to_string(reason));
        if (reason == POLICY_DEPENDENCY) {
            const char *needs =
                catalog_get_feature(planning->map, (size_t)planning->needs[id])->name;
            json_object_set_new(item, "needs", json_string(needs));
        }
        json_array_append_new(omitted, item);
    }
    g_autoptr(GPtrArray) unknown = collect_unknown(planning);
    for (size_t i = 0; i < unknown->len; i++) {
        json_array_append_new(omitted,
                              json_pack("{s:s, s:s}", "feature", unknown->pdata[i], "reason",
                                        policy_reason_to_string(POLICY_UNKNOWN)));
    }
    return omitted;
}

static json_t *format_kind(const struct planning *planning, size_t k)
{
    const struct host_kind *kind = planning->inv->kinds->pdata[k];
    const cpulift_host *host = kind->host;
    feature_set extra = feature_set_subtract(planning->guests[k]->features, planning->common);
    json_t *json =
        json_pack("{s:o, s:o}", "hosts",
                  json_new_strings((const char *const *)kind->names->pdata, kind->names->len),
                  "extra", host_format_features(&extra, planning->map));
    const struct {
        const char *key, *value;
    } strings[] = {{"cpu", host->model_name},
                   {"vendor", host->vendor},
                   {"libvirt", host->libvirt_version},
                   {"qemu", host->qemu_version},
                   {"kernel", host->kernel_version},
                   {"canonical_machine", planning->guests[k]->canonical_machine}};
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
        if (strings[i].value != NULL) {
            json_object_set_new(json, strings[i].key, json_string(strings[i].value));
        }
    }
    if (host->microcode != 0) {
        json_object_set_new(json, "microcode", json_integer((json_int_t)host->microcode));
    }
    return json;
}

static json_t *format_kinds(const struct planning *planning)
{
    json_t *kinds = json_array();
    for (size_t k = 0; k < planning->inv->kinds->len; k++) {
        json_array_append_new(kinds, format_kind(planning, k));
    }
    return kinds;
}

/// Adds a warning about these kinds (NULL: none in particular) and, with `id`, a feature.
static void warn(json_t *warnings, const struct planning *planning, const char *code,
                 const GArray *kinds, const char *feature, const char *format)
{
    json_t *item = json_pack("{s:s}", "code", code);
    g_autofree char *joined = g_strdup("");
    if (kinds != NULL) {
        size_t total = 0;
        g_autoptr(GPtrArray) hosts = planner_get_hosts(planning, kinds, HOSTS_IN_LOSS, &total);
        json_object_set_new(item, "hosts",
                            json_new_strings((const char *const *)hosts->pdata, hosts->len));
        json_object_set_new(item, "host_count", json_integer((json_int_t)total));
        g_free(joined);
        joined = planner_join_hosts(planning, kinds, HOSTS_IN_TEXT);
    }
    if (feature != NULL) {
        json_object_set_new(item, "feature", json_string(feature));
    }
    g_auto(GStrv) around_hosts = g_strsplit(format, "{hosts}", 2);
    g_autofree char *text = g_strjoinv(joined, around_hosts);
    json_object_set_new(item, "text", json_string(text));
    json_array_append_new(warnings, item);
}

static void warn_mitigations(json_t *warnings, const struct planning *planning)
{
    feature_set lost = feature_set_subtract(
        feature_set_intersect(planning->any, catalog_get_class(planning->map, FEATURE_MITIGATION)),
        planning->common);
    feature_set_foreach (id, &lost) {
        const char *name = catalog_get_feature(planning->map, id)->name;
        g_autoptr(GArray) costs = planner_find_costs(planning, id);
        g_autofree char *text =
            g_strdup_printf("guests lose the mitigation %s because of {hosts}", name);
        warn(warnings, planning, "mitigation", costs, name, text);
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

static void warn_hosts(json_t *warnings, const struct planning *planning)
{
    for (size_t i = 0; i < G_N_ELEMENTS(host_warnings); i++) {
        g_autoptr(GArray) kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
        for (size_t k = 0; k < planning->inv->kinds->len; k++) {
            const struct host_kind *kind = planning->inv->kinds->pdata[k];
            if (host_warnings[i].applies(kind->host)) {
                g_array_append_val(kinds, k);
            }
        }
        if (kinds->len > 0) {
            warn(warnings, planning, host_warnings[i].code, kinds, NULL, host_warnings[i].text);
        }
    }
}

static json_t *format_warnings(const struct planning *planning, const cpulift_cpu *cpu)
{
    json_t *warnings = json_array();
    if (planning->is_mixed_vendor) {
        warn(warnings, planning, "mixed-vendor", NULL, NULL,
             "the pool mixes vendors: the guest's vendor string, MSRs, errata and TSC behaviour "
             "differ "
             "after a migration, and libvirt may refuse it");
    }
    if (planning->is_phys_bits_mixed) {
        warn(warnings, planning, "phys-bits", NULL, NULL,
             cpu->phys_bits != 0
                 ? "the hosts' physical-address widths differ: the smallest is stated"
                 : "the hosts' physical-address widths differ or are not known, and the definition "
                   "does "
                   "not state one: libvirt 8.7 or newer is needed on every host");
    }
    warn_mitigations(warnings, planning);
    warn_hosts(warnings, planning);
    return warnings;
}

json_t *planner_report(const struct planning *planning, const cpulift_cpu *cpu)
{
    json_t *json = planner_new_document(planning->map, planning->options, "tuned", planning->virt,
                                        planning->machine, cpu, &planning->chosen);
    size_t left_out_count;
    g_autofree const char **left_out = inventory_get_left_out(planning->inv, &left_out_count);
    json_object_set_new(json, "host_count", json_integer((json_int_t)planning->inv->host_count));
    json_object_set_new(json, "kinds", format_kinds(planning));
    json_object_set_new(json, "left_out_hosts", json_new_strings(left_out, left_out_count));
    json_object_set_new(json, "losses", format_losses(planning));
    json_object_set_new(json, "omitted", format_omitted(planning));
    json_object_set_new(json, "policy", policy_format(&planning->options->policy, planning->map));
    json_object_set_new(json, "warnings", format_warnings(planning, cpu));
    if (planning->phys_bits != 0) {
        json_object_set_new(json, "phys_bits", json_integer(planning->phys_bits));
    }
    return json;
}
