// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/planner_define.h"

#include "base/text.h"

#include <string.h>

/// What every named model gets or loses by virt type. Source: QEMU target/i386/kvm/kvm-cpu.c
/// kvm_default_props[], target/i386/tcg/tcg-cpu.c tcg_default_props[], and x86_cpu_load_model(),
/// which sets `hypervisor`.
static const struct {
    const char *virt;
    const char *feature;
    bool is_added;
} virt_changes[] = {
    {"kvm", "acpi", false}, {"kvm", "hypervisor", true}, {"kvm", "monitor", false},
    {"kvm", "svm", false},  {"kvm", "x2apic", true},     {"qemu", "hypervisor", true},
    {"qemu", "vme", false},
};

void planner_get_virt_changes(const catalog *map, const char *virt, feature_set *ret_adds,
                              feature_set *ret_drops)
{
    *ret_adds = (feature_set){0};
    *ret_drops = (feature_set){0};
    for (size_t i = 0; i < G_N_ELEMENTS(virt_changes); i++) {
        int id = catalog_find_feature(map, virt_changes[i].feature);
        if (id >= 0 && strcmp(virt_changes[i].virt, virt) == 0) {
            feature_set_add(virt_changes[i].is_added ? ret_adds : ret_drops, (size_t)id);
        }
    }
}

static void add_features(cpulift_cpu *cpu, const catalog *map, const feature_set *set,
                         enum cpu_policy policy)
{
    feature_set_foreach (id, set) {
        cpu_add_feature(cpu, catalog_get_feature(map, id)->name, policy);
    }
}

/// What stops the model on some host: it has that, whatever our tables say. A newer name is not
/// known to every libvirt.
static feature_set find_blockers(const cpulift_pool *pool, const char *model)
{
    feature_set set = {0};
    size_t i;
    const json_t *name;
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        json_array_foreach (json_object_get(pool->guests[k]->blocked_models, model), i, name) {
            int id = catalog_find_feature(pool->inv->map, json_string_value(name));
            if (id >= 0 && !catalog_is_newer_name(json_string_value(name))) {
                feature_set_add(&set, (size_t)id);
            }
        }
    }
    return set;
}

/// Every feature stated, none left to libvirt or QEMU. The caller's.
static cpulift_cpu *new_definition(const cpulift_pool *pool, const struct catalog_model *model,
                                   const feature_set *features)
{
    const catalog *map = pool->inv->map;
    cpulift_cpu *cpu = cpu_new();
    cpu->mode = g_strdup("custom");
    cpu->match = g_strdup("exact");
    cpu->check = g_strdup("full");
    cpu->model = g_strdup(model->name);
    cpu->fallback = g_strdup("forbid");
    add_features(cpu, map, features, CPU_REQUIRE);
    feature_set adds, drops;
    planner_get_virt_changes(map, pool->virt, &adds, &drops);
    feature_set all = feature_set_unite(feature_set_unite(model->features, model->removed),
                                        feature_set_unite(model->qemu_adds, adds));
    all = feature_set_unite(all, find_blockers(pool, model->name));
    feature_set disabled = feature_set_subtract(all, *features);
    add_features(cpu, map, &disabled, CPU_DISABLE);
    return cpu;
}

bool planner_takes_width(const char *version)
{
    return version != NULL &&
           text_parse_version(version) >= text_parse_version(PLANNER_WIDTH_SINCE);
}

static bool can_state_width(const cpulift_pool *pool)
{
    bool can = pool->phys_bits != 0 && strcmp(pool->virt, "kvm") == 0;
    for (size_t k = 0; k < pool->inv->kinds->len && can; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
        can = planner_takes_width(kind->host->libvirt_version);
    }
    return can;
}

cpulift_cpu *planner_define(const cpulift_pool *pool, const struct catalog_model *model,
                            const feature_set *features)
{
    cpulift_cpu *cpu = new_definition(pool, model, features);
    if (strcmp(pool->virt, "kvm") == 0) {
        bool is_known = catalog_has_vendor(pool->inv->map, pool->vendor);
        cpu->vendor = is_known ? g_strdup(pool->vendor) : NULL;
    }
    cpu->phys_bits = can_state_width(pool) ? pool->phys_bits : 0;
    return cpu;
}
