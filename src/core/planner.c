// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/planner.h"

#include "base/text.h"
#include "core/plan_guest.h"
#include "core/plan_level.h"
#include "core/plan_model.h"
#include "core/plan_warnings.h"
#include "core/plan_write.h"
#include "core/planner_define.h"
#include "core/variant.h"

/// What is lost on which hosts and what heals it, for a refusal.
static void append_group(GString *text, const cpulift_pool *pool,
                         const struct mitigation_group *group)
{
    g_autofree char *names = mitigation_join_names(group);
    g_autofree char *hosts = pool_quote_some(pool->inv, group->kinds, PLAN_HOSTS_MAX);
    g_autofree char *remedy = mitigation_describe_remedy(pool, group);
    g_string_append_printf(text, "%s%s (", text->len > 0 ? ", " : "", names);
    if (group->kinds->len > 0) {
        g_string_append_printf(
            text, "%s %s: ", group->is_hazard ? "guests would trust retpoline on" : "not given by",
            hosts);
    }
    g_string_append_printf(text, "%s)", remedy);
}

/// --require-mitigations: refuses when a mitigation that some host gives is not in the plan, or a
/// hazard that some host announces; names all of them.
static int check_mitigations(const cpulift_pool *pool, const GPtrArray *lost,
                             const GPtrArray *hazards, cpulift_error **err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < lost->len; i++) {
        append_group(text, pool, lost->pdata[i]);
    }
    for (size_t i = 0; i < hazards->len; i++) {
        append_group(text, pool, hazards->pdata[i]);
    }
    return text->len == 0
               ? 0
               : cpulift_error_set(
                     err, CPULIFT_EREFUSED,
                     "the pool would lose protection: %s; heal it, or plan without these "
                     "hosts (--without)",
                     text->str);
}

/// " (did you mean 'north'?)" of the hosts that are there, or "". The caller frees it.
static char *suggest_host(const inventory *inv, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t k = 0; k < inv->kinds->len; k++) {
        const struct host_kind *kind = inv->kinds->pdata[k];
        g_ptr_array_extend(names, kind->names, NULL, NULL);
    }
    g_ptr_array_add(names, NULL);
    return text_suggest(name, (const char *const *)names->pdata);
}

static int check_inventory(const inventory *inv, cpulift_error **err)
{
    const char *unseen = inventory_get_unseen(inv);
    if (unseen != NULL) {
        g_autofree char *meant = suggest_host(inv, unseen);
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "--without '%s' matches no host among the documents; check the name%s", unseen, meant);
    }
    if (inv->host_count == 0) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "no host is left to plan for; name host documents ('cpulift scan' makes "
            "them)");
    }
    return 0;
}

static const char *get_pool_name(const struct planner_options *options)
{
    return options->pool != NULL ? options->pool : "default";
}

int planner_compute(const inventory *inv, const struct planner_options *options,
                    cpulift_plan **ret_plan, cpulift_error **err)
{
    const struct policy *policy = &options->policy;
    g_autoptr(cpulift_pool) pool = NULL;
    TRY(check_inventory(inv, err));
    TRY(pool_gather(inv, options->virt, options->machine, policy->is_mixed_vendor_allowed, &pool,
                    err));
    struct selection selection = {0};
    select_features(inv->map, policy, pool_get_policy_vendor(pool), pool->common,
                    pool->not_migratable, &selection);
    g_autoptr(GPtrArray) lost = mitigation_find_lost(pool, policy, &selection);
    g_autoptr(GPtrArray) hazards = mitigation_find_hazards(pool, policy, &selection);
    if (policy->is_mitigations_required) {
        TRY(check_mitigations(pool, lost, hazards, err));
    }
    TRY(plan_check_level(pool, policy, &selection, options->level, err));
    g_autoptr(GArray) verdicts = model_choose(pool, &selection.chosen);
    const struct model_verdict *taken = model_get_taken(verdicts);
    if (taken == NULL) {
        return cpulift_error_set(
            err, CPULIFT_EREFUSED,
            "no named CPU model is known to libvirt and QEMU of every host of the pool; 'cpulift "
            "show' of a host document lists what each knows");
    }
    plan_settle_model(pool, taken->model, &selection);
    g_autoptr(cpulift_cpu) cpu = planner_define(pool, taken->model, &selection.chosen);
    g_autoptr(json_t) document = plan_write(pool, get_pool_name(options), policy, &selection, cpu);
    json_object_set_new(document, "model_choice", plan_format_model_choice(pool, verdicts));
    json_object_set_new(document, "warnings", plan_format_warnings(pool, cpu, lost, hazards));
    plan_add_guest(document, pool, taken->model, &selection);
    plan_warn_poor(json_object_get(document, "warnings"), pool->inv->map, &selection.chosen);
    plan_warn_hidden(json_object_get(document, "warnings"), pool, taken, &selection.chosen);
    return plan_from_json(document, "the plan", ret_plan, err);
}

/// What a guest of this virt type sees of a definition: of its model, what QEMU and the virt type
/// make of that, and what it states itself.
static int expand(const cpulift_cpu *cpu, const struct catalog_model *model, const catalog *map,
                  const char *virt, feature_set *ret_features, cpulift_error **err)
{
    feature_set adds, drops, features = feature_set_unite(model->features, model->qemu_adds);
    planner_get_virt_changes(map, virt, &adds, &drops);
    features = feature_set_unite(feature_set_subtract(features, drops), adds);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        feature_set one = {0};
        TRY(catalog_add_feature(map, cpu->features[i].name, model->name, &one, err));
        features = cpu_is_off(cpu->features[i].policy) ? feature_set_subtract(features, one)
                                                       : feature_set_unite(features, one);
    }
    *ret_features = features;
    return 0;
}

int planner_compute_variant(const char *variant, const struct planner_options *options,
                            const catalog *map, cpulift_plan **ret_plan, cpulift_error **err)
{
    const struct variant *row = variant_find(variant);
    if (row == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "unknown variant '%s': it is one of " VARIANT_NAMES, variant);
    }
    const struct catalog_model *model = catalog_find_model(map, row->model);
    if (model == NULL) {
        return cpulift_error_set(err, CPULIFT_EMISSING, "libvirt's CPU map has no model '%s'",
                                 row->model);
    }
    g_autoptr(cpulift_cpu) cpu = variant_define(row);
    const struct plan_heading heading = {
        .pool = get_pool_name(options),
        .variant = row->name,
        .virt = options->virt != NULL ? options->virt : "kvm",
        .machine = options->machine != NULL ? options->machine : "pc",
    };
    feature_set features;
    TRY(expand(cpu, model, map, heading.virt, &features, err));
    g_autoptr(json_t) document = plan_write_common(map, &heading, cpu, &features);
    return plan_from_json(document, variant, ret_plan, err);
}
