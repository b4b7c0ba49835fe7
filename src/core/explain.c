// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/explain.h"

#include "base/json.h"
#include "core/level.h"
#include "core/pool.h"

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

/// A name that this catalogue lacks is told by the plan's own lists only.
static int add_feature(void *data, const char *name, cpulift_error **err)
{
    (void)err;
    struct target *target = data;
    int id = catalog_find_feature(target->map, name);
    if (id >= 0) {
        feature_set_add(target->set, (size_t)id);
    }
    return 0;
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

/// As the planner has it.
static char *find_vendor(const json_t *kinds, const char *virt)
{
    const char *vendor = json_get_string(json_array_get(kinds, 0), "vendor");
    for (size_t i = 1; i < json_array_size(kinds); i++) {
        const char *of = json_get_string(json_array_get(kinds, i), "vendor");
        if (!pool_is_one_vendor(virt, vendor, of)) {
            return g_strdup(POLICY_VENDOR_MIXED);
        }
        vendor = vendor != NULL ? vendor : of;
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
    self->vendor = find_vendor(kinds, plan->virt);
    TRY(parse_common(plan->document, self, err));
    TRY(policy_parse(json_object_get(plan->document, "policy"), "the plan", map, &self->policy,
                     err));
    for (size_t i = 0; i < json_array_size(kinds); i++) {
        TRY(parse_kind(json_array_get(kinds, i), self, err));
    }
    *ret_explain = g_steal_pointer(&self);
    return 0;
}

int explain_find_kind(const explain *self, const char *host)
{
    for (size_t k = 0; k < self->kinds->len; k++) {
        const struct explain_kind *kind = self->kinds->pdata[k];
        if (g_ptr_array_find_with_equal_func(kind->hosts, host, g_str_equal, NULL)) {
            return (int)k;
        }
    }
    return -1;
}

static feature_set choose(const explain *self, feature_set common, feature_set not_migratable)
{
    struct selection selection = {0};
    select_features(self->map, &self->policy, self->vendor, common, not_migratable, &selection);
    return selection.chosen;
}

/// What the plan has not and gets where hosts share this.
static feature_set get_gain(const explain *self, feature_set common)
{
    return feature_set_subtract(choose(self, common, self->not_migratable), self->features);
}

feature_set explain_compute_gain(const explain *self, const bool *leaves)
{
    feature_set common = {0};
    bool is_first = true;
    for (size_t k = 0; k < self->kinds->len; k++) {
        const struct explain_kind *kind = self->kinds->pdata[k];
        if (!leaves[k]) {
            common = is_first ? kind->features : feature_set_intersect(common, kind->features);
            is_first = false;
        }
    }
    return get_gain(self, common);
}

static int compare_counts(const void *a, const void *b, void *data)
{
    const explain *self = data;
    size_t ka = *(const size_t *)a, kb = *(const size_t *)b;
    unsigned count_a = ((const struct explain_kind *)self->kinds->pdata[ka])->hosts->len;
    unsigned count_b = ((const struct explain_kind *)self->kinds->pdata[kb])->hosts->len;
    return count_a != count_b ? (count_a < count_b ? -1 : 1) : (ka < kb ? -1 : ka > kb);
}

/// With what all before and all after a kind share: every kind is looked at once, however many
/// there are.
GArray *explain_find_gainers(const explain *self)
{
    size_t count = self->kinds->len;
    g_autofree feature_set *after = g_new0(feature_set, count + 1);
    feature_set all;
    memset(&all, 0xff, sizeof all);
    after[count] = all;
    for (size_t k = count; k > 0; k--) {
        const struct explain_kind *kind = self->kinds->pdata[k - 1];
        after[k - 1] = feature_set_intersect(after[k], kind->features);
    }
    GArray *gainers = g_array_new(FALSE, FALSE, sizeof(size_t));
    feature_set before = all;
    for (size_t k = 0; k < count && count > 1; k++) {
        const struct explain_kind *kind = self->kinds->pdata[k];
        feature_set rest = feature_set_intersect(before, after[k + 1]);
        feature_set gain =
            feature_set_equal(&rest, &self->common) ? (feature_set){0} : get_gain(self, rest);
        if (!feature_set_is_empty(&gain)) {
            g_array_append_val(gainers, k);
        }
        before = feature_set_intersect(before, kind->features);
    }
    g_array_sort_with_data(gainers, compare_counts, (void *)self);
    return gainers;
}

bool explain_find_leavers(const explain *self, unsigned level, bool *ret_leaves)
{
    g_autofree const feature_set **kinds = g_new0(const feature_set *, self->kinds->len);
    for (size_t k = 0; k < self->kinds->len; k++) {
        kinds[k] = &((const struct explain_kind *)self->kinds->pdata[k])->features;
    }
    const struct level_pool pool = {self->map, &self->policy,   self->vendor, self->not_migratable,
                                    kinds,     self->kinds->len};
    return level_find_leavers(&pool, level, ret_leaves);
}

feature_set explain_compute_cost(const explain *self, const struct host_guest *guest)
{
    feature_set common = feature_set_intersect(self->common, guest->features);
    feature_set stuck = feature_set_unite(self->not_migratable, guest->not_migratable);
    return feature_set_subtract(self->features, choose(self, common, stuck));
}
