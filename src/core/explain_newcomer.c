// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/explain_newcomer.h"

#include "base/json.h"
#include "core/guest.h"
#include "core/model_choice.h"
#include "core/plan_model.h"
#include "core/planner_define.h"
#include "core/pool.h"

#include <string.h>

/// The plan, a host, and where what it costs is put.
struct newcomer {
    const explain *explain;
    const cpulift_plan *plan;
    const inventory *inv;
    size_t kind;
    const cpulift_host *host;
    const struct host_guest *guest;
    GPtrArray *costs;
};

static char *join_features(const catalog *map, const feature_set *set)
{
    g_autoptr(GString) text = g_string_new(NULL);
    feature_set_foreach (id, set) {
        g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "",
                               catalog_get_feature(map, id)->name);
    }
    return g_strdup(text->str);
}

static void add_features(const struct newcomer *new)
{
    const catalog *map = new->explain->map;
    feature_set cost = explain_compute_cost(new->explain, new->guest);
    feature_set protections =
        feature_set_intersect(cost, feature_set_unite(catalog_get_class(map, FEATURE_MITIGATION),
                                                      catalog_get_class(map, FEATURE_IMMUNITY)));
    cost = feature_set_subtract(cost, protections);
    if (!feature_set_is_empty(&cost)) {
        compare_add(new->costs, "features", join_features(map, &cost), NULL, true);
    }
    if (!feature_set_is_empty(&protections)) {
        compare_add(new->costs, "mitigations", join_features(map, &protections), NULL, true);
    }
}

/// A guest of the plan must fit, and the plan must be able to say its width there.
static void add_width(const struct newcomer *new)
{
    unsigned has = new->plan->phys_bits, gives = host_get_width(new->host, new->guest);
    unsigned stated = new->plan->cpu->phys_bits;
    if (has != 0 && (gives == 0 ? stated != 0 : gives < has)) {
        compare_add(new->costs, "physical address bits", g_strdup_printf("%u", has),
                    gives != 0 ? g_strdup_printf("%u", gives) : NULL, true);
    } else if (stated != 0 && !planner_takes_width(new->host->libvirt_version)) {
        compare_add(new->costs, "physical address bits", g_strdup_printf("%u", stated),
                    g_strdup_printf("its libvirt (%s) cannot state them",
                                    new->host->libvirt_version != NULL ? new->host->libvirt_version
                                                                       : "version not known"),
                    true);
    }
}

/// Guests with several logical CPUs per socket would not migrate between it and the pool.
static void add_qemu(const struct newcomer *new)
{
    enum guest_side pool = guest_find_side(new->plan->qemu.min, new->plan->qemu.max);
    enum guest_side own = guest_find_side(new->host->qemu_version, new->host->qemu_version);
    if (own != GUEST_QEMU_UNKNOWN && (pool == GUEST_QEMU_OLDER || pool == GUEST_QEMU_NEWER) &&
        own != pool) {
        compare_add(new->costs, "QEMU", g_strdup(guest_side_to_string(pool)),
                    g_strdup_printf("%s: guests with more than one logical CPU per socket migrate "
                                    "among either, never between the two; sockets instead of "
                                    "cores in their <topology> join them",
                                    new->host->qemu_version),
                    true);
    }
}

static void add_model(const struct newcomer *new)
{
    const struct catalog_model *model =
        catalog_find_model(new->explain->map, new->plan->cpu->model);
    if (model != NULL && !model_is_known_to(model, new->host, new->guest)) {
        compare_add(new->costs, "model", g_strdup(model->name),
                    g_strdup("not known to its libvirt or QEMU"), true);
    }
}

/// What its CPU suffers from and guests would not know of.
static void add_hidden(const struct newcomer *new)
{
    const catalog *map = new->explain->map;
    const struct catalog_model *model = catalog_find_model(map, new->plan->cpu->model);
    if (model == NULL || strcmp(new->plan->virt, "kvm") != 0 || new->host->vendor == NULL) {
        return;
    }
    g_autofree const struct host_guest **guests =
        g_new0(const struct host_guest *, new->inv->kinds->len);
    guests[new->kind] = new->guest;
    const cpulift_pool alone = {.inv = new->inv,
                                .virt = new->plan->virt,
                                .machine = new->plan->machine,
                                .guests = guests,
                                .vendor = new->host->vendor};
    vulnerability_set hidden = model_find_hidden(&alone, new->kind, model, &new->explain->features);
    if (hidden != 0) {
        compare_add(new->costs, "hidden by the model", NULL, plan_join_vulnerabilities(hidden),
                    true);
    }
}

/// What it announces and the plan does not show.
static void add_hazards(const struct newcomer *new)
{
    const catalog *map = new->explain->map;
    g_autoptr(GString) text = g_string_new(NULL);
    feature_set hazards =
        feature_set_intersect(feature_set_subtract(new->guest->features, new->explain->features),
                              catalog_get_class(map, FEATURE_HAZARD));
    // Where the vendor is known to be another, KVM makes up the MSR that announces them.
    bool is_intel = new->host->vendor == NULL || strcmp(new->host->vendor, "Intel") == 0;
    feature_set_foreach (id, &hazards) {
        g_string_append_printf(text, " %s", catalog_get_feature(map, id)->name);
    }
    for (char **name = new->guest->unknown; name != NULL &&*name != NULL; name++) {
        if (catalog_classify(*name) == FEATURE_HAZARD) {
            g_string_append_printf(text, " %s", *name);
        }
    }
    if (text->len > 0 && is_intel) {
        compare_add(new->costs, "hazards", NULL, g_strdup(text->str + 1), true);
    }
}

GPtrArray *explain_newcomer(const explain *self, const cpulift_plan *plan, const inventory *inv,
                            size_t kind)
{
    const cpulift_host *host = ((const struct host_kind *)inv->kinds->pdata[kind])->host;
    const struct newcomer new = {
        self,         plan, inv, kind, host, host_find_guest(host, plan->virt, plan->machine),
        compare_new()};
    if (!pool_is_one_vendor(plan->virt, self->vendor, host->vendor) &&
        !self->policy.is_mixed_vendor_allowed) {
        compare_add(new.costs, "vendor", g_strdup(self->vendor),
                    host->vendor != NULL
                        ? g_strdup_printf("%s (guests cannot be promised to migrate between "
                                          "vendors: it needs a pool of its own)",
                                          host->vendor)
                        : g_strdup("not said (scan it again, or import 'virsh capabilities')"),
                    true);
    }
    if (new.costs->len > 0 && host->vendor != NULL) {
        return new.costs; // nothing that it has or lacks matters
    }
    if (new.guest == NULL) {
        compare_add(new.costs, "machine type",
                    g_strdup_printf("%s on %s", plan->virt, plan->machine), NULL, true);
    } else {
        add_features(&new);
        add_width(&new);
        add_qemu(&new);
        add_model(&new);
        add_hidden(&new);
        add_hazards(&new);
    }
    return new.costs;
}
