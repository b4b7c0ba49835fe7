// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/explain.h"

#include "base/json.h"
#include "core/select.h"

#include <string.h>

static void kind_free(void *data)
{
    struct explain_kind *kind = data;
    g_ptr_array_unref(kind->hosts);
    g_free(kind);
}

void explain_free(explain *self)
{
    if (self != NULL) {
        g_free(self->vendor);
        g_ptr_array_unref(self->kinds);
        g_free(self);
    }
}

struct target {
    const catalog *map;
    feature_set *set;
    GPtrArray *names;
};

static int add_feature(void *data, const char *name, cpulift_error **err)
{
    struct target *target = data;
    return catalog_add_feature(target->map, name, "the plan", target->set, err);
}

static int add_host(void *data, const char *name, cpulift_error **err)
{
    (void)err;
    g_ptr_array_add(((struct target *)data)->names, g_strdup(name));
    return 0;
}

/// `common` is the plan's features and those that policy left out of what all hosts have.
static int parse_common(const json_t *document, explain *self, cpulift_error **err)
{
    struct target features = {self->map, &self->features, NULL};
    TRY(json_each_string(document, "features", "the plan", add_feature, &features, err));
    self->common = self->features;
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(document, "omitted"), i, item) {
        const char *name = json_get_string(item, "feature");
        const char *reason = json_get_string(item, "reason");
        int id = name != NULL ? catalog_find_feature(self->map, name) : -1;
        if (id < 0 || reason == NULL ||
            strcmp(reason, policy_reason_to_string(POLICY_UNKNOWN)) == 0) {
            continue;
        }
        feature_set_add(&self->common, (size_t)id);
        if (strcmp(reason, policy_reason_to_string(POLICY_NOT_MIGRATABLE)) == 0) {
            feature_set_add(&self->not_migratable, (size_t)id);
        }
    }
    return 0;
}

static int parse_kind(const json_t *json, explain *self, cpulift_error **err)
{
    struct explain_kind *kind = g_new0(struct explain_kind, 1);
    kind->hosts = g_ptr_array_new_with_free_func(g_free);
    kind->features = self->common;
    g_ptr_array_add(self->kinds, kind);
    struct target target = {self->map, &kind->features, kind->hosts};
    TRY(json_each_string(json, "hosts", "the plan", add_host, &target, err));
    return json_each_string(json, "extra", "the plan", add_feature, &target, err);
}

/// As the planner has it: hosts that do not say their vendor do not count.
static char *find_vendor(const json_t *kinds)
{
    const char *vendor = NULL;
    size_t i;
    const json_t *kind;
    json_array_foreach (kinds, i, kind) {
        const char *of = json_get_string(kind, "vendor");
        if (of != NULL && vendor != NULL && strcmp(of, vendor) != 0) {
            return g_strdup(POLICY_VENDOR_MIXED);
        }
        vendor = of != NULL ? of : vendor;
    }
    return g_strdup(vendor);
}

int explain_new(const cpulift_plan *plan, const catalog *map, explain **ret_explain,
                cpulift_error **err)
{
    const json_t *kinds = json_object_get(plan->document, "kinds");
    if (!json_is_array(kinds)) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "plan '%s' is the %s CPU, made from no hosts: there is nothing to explain", plan->pool,
            plan->variant);
    }
    g_autoptr(explain) self = g_new0(explain, 1);
    self->map = map;
    self->kinds = g_ptr_array_new_with_free_func(kind_free);
    self->vendor = find_vendor(kinds);
    TRY(parse_common(plan->document, self, err));
    TRY(policy_parse(json_object_get(plan->document, "policy"), "the plan", map, &self->policy,
                     err));
    for (size_t i = 0; i < json_array_size(kinds); i++) {
        TRY(parse_kind(json_array_get(kinds, i), self, err));
    }
    *ret_explain = g_steal_pointer(&self);
    return 0;
}

static bool has_host(const struct explain_kind *kind, const char *host)
{
    for (size_t i = 0; i < kind->hosts->len; i++) {
        if (strcmp(kind->hosts->pdata[i], host) == 0) {
            return true;
        }
    }
    return false;
}

static feature_set choose(const explain *self, feature_set common, feature_set not_migratable)
{
    struct selection selection = {0};
    select_features(self->map, &self->policy, self->vendor, common, not_migratable, &selection);
    return selection.chosen;
}

int explain_compute_gain(const explain *self, const char *host, feature_set *ret_gain)
{
    const struct explain_kind *of = NULL;
    feature_set common = {0};
    bool is_first = true;
    for (size_t k = 0; k < self->kinds->len; k++) {
        const struct explain_kind *kind = self->kinds->pdata[k];
        bool is_its_kind = has_host(kind, host);
        of = is_its_kind ? kind : of;
        if (is_its_kind && kind->hosts->len == 1) {
            continue;
        }
        common = is_first ? kind->features : feature_set_intersect(common, kind->features);
        is_first = false;
    }
    if (of == NULL) {
        return -1;
    }
    *ret_gain = feature_set_subtract(choose(self, common, self->not_migratable), self->features);
    return 0;
}

int explain_compute_cost(const explain *self, const cpulift_plan *plan, const cpulift_host *host,
                         feature_set *ret_cost, cpulift_error **err)
{
    const struct host_guest *guest = host_find_guest(host, plan->virt, plan->machine);
    if (guest == NULL) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "host '%s' does not say what %s guests on '%s' get, which the plan is for; "
            "scan it again",
            host->name, plan->virt, plan->machine);
    }
    if (!self->policy.is_mixed_vendor_allowed && self->vendor != NULL && host->vendor != NULL &&
        strcmp(self->vendor, host->vendor) != 0) {
        return cpulift_error_set(
            err, CPULIFT_EREFUSED,
            "host '%s' is %s but pool '%s' is %s: guests cannot be promised to migrate between "
            "vendors; it needs a pool of its own",
            host->name, host->vendor, plan->pool, self->vendor);
    }
    feature_set common = feature_set_intersect(self->common, guest->features);
    feature_set stuck = feature_set_unite(self->not_migratable, guest->not_migratable);
    *ret_cost = feature_set_subtract(self->features, choose(self, common, stuck));
    return 0;
}
