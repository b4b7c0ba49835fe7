// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/plan_write.h"

#include "base/json.h"
#include "core/plan.h"
#include "core/plan_warnings.h"

#include <string.h>

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

json_t *plan_write_common(const catalog *map, const struct plan_heading *heading,
                          const cpulift_cpu *cpu, const feature_set *features)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "schema", PLAN_SCHEMA, "pool",
                             heading->pool, "variant", heading->variant, "arch", "x86_64", "virt",
                             heading->virt, "machine", heading->machine);
    json_object_set_new(json, "definition", record_format(&cpu_definition_record, cpu, NULL));
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

static json_t *format_loss(const cpulift_pool *pool, const char *name, const GArray *costs,
                           enum policy_reason reason)
{
    size_t total = 0;
    g_autoptr(GPtrArray) hosts = pool_get_hosts(pool->inv, costs, PLAN_HOSTS_MAX, &total);
    json_t *loss = json_pack("{s:s, s:o, s:I, s:o}", "feature", name, "hosts",
                             json_new_strings((const char *const *)hosts->pdata, hosts->len),
                             "host_count", (json_int_t)total, "kinds", format_indices(costs));
    if (reason != POLICY_GIVEN) {
        json_object_set_new(loss, "policy", json_string(policy_reason_to_string(reason)));
    }
    return loss;
}

/// A hazard is no loss: what its guests then trust is a warning.
static void add_loss(json_t *losses, const cpulift_pool *pool, const char *name,
                     const GArray *costs, enum policy_reason reason)
{
    if (costs->len > 0 && catalog_classify(name) != FEATURE_HAZARD) {
        json_array_append_new(losses, format_loss(pool, name, costs, reason));
    }
}

static json_t *format_losses(const cpulift_pool *pool, const struct selection *selection,
                             const GPtrArray *unknown)
{
    json_t *losses = json_array();
    feature_set lost = feature_set_subtract(pool->any, pool->common);
    feature_set_foreach (id, &lost) {
        g_autoptr(GArray) costs = pool_find_costs(pool, id);
        add_loss(losses, pool, catalog_get_feature(pool->inv->map, id)->name, costs,
                 selection->reasons[id]);
    }
    for (size_t i = 0; i < unknown->len; i++) {
        const struct pool_unknown *one = unknown->pdata[i];
        g_autoptr(GArray) costs = pool_complement(pool, one->givers);
        add_loss(losses, pool, one->name, costs, POLICY_UNKNOWN);
    }
    return losses;
}

static json_t *format_omitted(const cpulift_pool *pool, const struct selection *selection,
                              const GPtrArray *unknown)
{
    json_t *omitted = json_array();
    feature_set left = feature_set_subtract(pool->common, selection->chosen);
    feature_set_foreach (id, &left) {
        enum policy_reason reason = selection->reasons[id];
        json_t *item =
            json_pack("{s:s, s:s}", "feature", catalog_get_feature(pool->inv->map, id)->name,
                      "reason", policy_reason_to_string(reason));
        if (reason == POLICY_DEPENDENCY) {
            const char *needs =
                catalog_get_feature(pool->inv->map, (size_t)selection->needs[id])->name;
            json_object_set_new(item, "needs", json_string(needs));
        }
        json_array_append_new(omitted, item);
    }
    for (size_t i = 0; i < unknown->len; i++) {
        const struct pool_unknown *one = unknown->pdata[i];
        if (one->givers->len == pool->inv->kinds->len) {
            json_array_append_new(omitted, json_pack("{s:s, s:s}", "feature", one->name, "reason",
                                                     policy_reason_to_string(POLICY_UNKNOWN)));
        }
    }
    return omitted;
}

static json_t *format_kind(const cpulift_pool *pool, size_t k)
{
    const struct host_kind *kind = pool->inv->kinds->pdata[k];
    const cpulift_host *host = kind->host;
    feature_set extra = feature_set_subtract(pool->guests[k]->features, pool->common);
    json_t *json =
        json_pack("{s:o, s:o}", "hosts",
                  json_new_strings((const char *const *)kind->names->pdata, kind->names->len),
                  "extra", host_format_features(&extra, pool->inv->map));
    const struct {
        const char *key, *value;
    } strings[] = {{"cpu", host->model_name},
                   {"vendor", host->vendor},
                   {"libvirt", host->libvirt_version},
                   {"qemu", host->qemu_version},
                   {"kernel", host->kernel_version},
                   {"canonical_machine", pool->guests[k]->canonical_machine}};
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

static json_t *format_kinds(const cpulift_pool *pool)
{
    json_t *kinds = json_array();
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        json_array_append_new(kinds, format_kind(pool, k));
    }
    return kinds;
}

json_t *plan_write(const cpulift_pool *pool, const char *name, const struct policy *policy,
                   const struct selection *selection, const cpulift_cpu *cpu)
{
    const struct plan_heading heading = {name, "tuned", pool->virt, pool->machine};
    json_t *json = plan_write_common(pool->inv->map, &heading, cpu, &selection->chosen);
    g_autoptr(GPtrArray) unknown = pool_collect_unknown(pool);
    size_t left_out_count;
    g_autofree const char **left_out = inventory_get_left_out(pool->inv, &left_out_count);
    json_object_set_new(json, "host_count", json_integer((json_int_t)pool->inv->host_count));
    json_object_set_new(json, "kinds", format_kinds(pool));
    json_object_set_new(json, "left_out_hosts", json_new_strings(left_out, left_out_count));
    json_object_set_new(json, "losses", format_losses(pool, selection, unknown));
    json_object_set_new(json, "omitted", format_omitted(pool, selection, unknown));
    json_object_set_new(json, "policy", policy_format(policy, pool->inv->map));
    if (pool->phys_bits != 0) {
        json_object_set_new(json, "phys_bits", json_integer(pool->phys_bits));
    }
    return json;
}
