// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/planner_define.h"

#include <stdio.h>
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

static bool holds(char *const *sorted, const char *name)
{
    return g_strv_contains((const char *const *)sorted, name);
}

/// What a guest of this model gets where nothing is said of it by name: not what the virt type
/// takes away, nor what hangs on that.
static feature_set get_given(const cpulift_pool *pool, const struct catalog_model *model)
{
    feature_set adds, drops;
    planner_get_virt_changes(pool->inv->map, pool->virt, &adds, &drops);
    feature_set all =
        feature_set_subtract(feature_set_unite(model->features, model->qemu_adds), drops);
    return feature_set_subtract(all, catalog_find_unsupported(pool->inv->map, all, NULL));
}

/// Known to this host's libvirt and usable there. Where the document does not say, a model counts
/// as usable if the host can give all that libvirt and QEMU put into it.
static bool is_usable_on(const struct catalog_model *model, const feature_set *given,
                         const cpulift_host *host, const struct host_guest *guest)
{
    if (host->libvirt_models != NULL && !holds(host->libvirt_models, model->name)) {
        return false;
    }
    if (guest->usable_models != NULL) {
        return holds(guest->usable_models, model->name);
    }
    // A model of libvirt's map that QEMU has not (cpu64-rhel6) has no row in our table.
    return model->family != 0 && feature_set_is_subset(given, &guest->features);
}

static bool is_candidate(const cpulift_pool *pool, const struct catalog_model *model)
{
    // Under KVM a guest sees the host's vendor whatever the model says; QEMU itself shows the
    // model's.
    bool is_kvm = strcmp(pool->virt, "kvm") == 0;
    if (is_kvm && model->vendor != NULL && g_strcmp0(model->vendor, pool->vendor) != 0) {
        return false;
    }
    feature_set given = get_given(pool, model);
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
        if (!is_usable_on(model, &given, kind->host, pool->guests[k])) {
            return false;
        }
    }
    return true;
}

/// How many features must be stated because libvirt's or QEMU's idea of the model has another
/// opinion.
static size_t count_differences(const struct catalog_model *model, const feature_set *features)
{
    feature_set more = feature_set_subtract(*features, model->features);
    feature_set less =
        feature_set_subtract(feature_set_unite(model->features, model->qemu_adds), *features);
    return feature_set_count(&more) + feature_set_count(&less);
}

/// Fewest differences, then the newest, then by name.
static bool is_better(const struct catalog_model *a, size_t a_differences,
                      const struct catalog_model *b, size_t b_differences)
{
    if (b == NULL || a_differences != b_differences) {
        return b == NULL || a_differences < b_differences;
    }
    return a->age != b->age ? a->age > b->age : strcmp(a->name, b->name) < 0;
}

static const struct catalog_model *choose_model(const cpulift_pool *pool,
                                                const feature_set *features)
{
    const struct catalog_model *best = NULL;
    size_t best_differences = 0;
    for (size_t i = 0; i < catalog_model_count(pool->inv->map); i++) {
        const struct catalog_model *model = catalog_get_model(pool->inv->map, i);
        size_t differences = count_differences(model, features);
        if (is_candidate(pool, model) && is_better(model, differences, best, best_differences)) {
            best = model;
            best_differences = differences;
        }
    }
    return best;
}

static void add_features(cpulift_cpu *cpu, const catalog *map, const feature_set *set,
                         enum cpu_policy policy)
{
    feature_set_foreach (id, set) {
        cpu_add_feature(cpu, catalog_get_feature(map, id)->name, policy);
    }
}

/// Every feature stated, none left to libvirt or QEMU. The caller's.
static cpulift_cpu *new_definition(const catalog *map, const struct catalog_model *model,
                                   const feature_set *features, const char *virt)
{
    cpulift_cpu *cpu = cpu_new();
    cpu->mode = g_strdup("custom");
    cpu->match = g_strdup("exact");
    cpu->check = g_strdup("full");
    cpu->model = g_strdup(model->name);
    cpu->fallback = g_strdup("forbid");
    add_features(cpu, map, features, CPU_REQUIRE);
    feature_set adds, drops;
    planner_get_virt_changes(map, virt, &adds, &drops);
    feature_set all = feature_set_unite(feature_set_unite(model->features, model->removed),
                                        feature_set_unite(model->qemu_adds, adds));
    feature_set disabled = feature_set_subtract(all, *features);
    add_features(cpu, map, &disabled, CPU_DISABLE);
    return cpu;
}

/// True if this libvirt takes <maxphysaddr> (8.7.0).
static bool takes_width(const char *version)
{
    unsigned major = 0, minor = 0;
    return version != NULL && sscanf(version, "%u.%u", &major, &minor) == 2 &&
           (major > 8 || (major == 8 && minor >= 7));
}

static bool can_state_width(const cpulift_pool *pool)
{
    bool can = pool->phys_bits != 0 && strcmp(pool->virt, "kvm") == 0;
    for (size_t k = 0; k < pool->inv->kinds->len && can; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
        can = takes_width(kind->host->libvirt_version);
    }
    return can;
}

int planner_define(const cpulift_pool *pool, const feature_set *features, cpulift_cpu **ret_cpu,
                   cpulift_error **err)
{
    const struct catalog_model *model = choose_model(pool, features);
    if (model == NULL) {
        return cpulift_error_set(
            err, CPULIFT_EREFUSED,
            "no named CPU model is usable on every host of the pool; 'cpulift show' of a "
            "host document lists what each can use");
    }
    cpulift_cpu *cpu = new_definition(pool->inv->map, model, features, pool->virt);
    if (strcmp(pool->virt, "kvm") == 0) {
        cpu->vendor = g_strdup(pool->vendor);
    }
    cpu->phys_bits = can_state_width(pool) ? pool->phys_bits : 0;
    *ret_cpu = cpu;
    return 0;
}

/// The paper's element: its features are optional, its model replaceable.
static cpulift_cpu *new_paper_definition(void)
{
    static const char *const optional[] = {"sse", "sse2", "sse4.1", "sse4.2", "ssse3", "pni"};
    cpulift_cpu *cpu = cpu_new();
    cpu->mode = g_strdup("custom");
    cpu->match = g_strdup("exact");
    cpu->model = g_strdup("Nehalem");
    cpu->fallback = g_strdup("allow");
    for (size_t i = 0; i < G_N_ELEMENTS(optional); i++) {
        cpu_add_feature(cpu, optional[i], CPU_OPTIONAL);
    }
    return cpu;
}

/// What a platform gives that writes no <cpu>: QEMU's default for pc and q35.
static cpulift_cpu *new_default_definition(void)
{
    cpulift_cpu *cpu = cpu_new();
    cpu->mode = g_strdup("custom");
    cpu->match = g_strdup("exact");
    cpu->model = g_strdup("qemu64");
    cpu->fallback = g_strdup("allow");
    return cpu;
}

static const struct {
    const char *name;
    cpulift_cpu *(*new_definition)(void);
} variants[] = {
    {"default", new_default_definition},
    {"paper", new_paper_definition},
};

int planner_define_variant(const char *variant, cpulift_cpu **ret_cpu, cpulift_error **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(variants); i++) {
        if (strcmp(variants[i].name, variant) == 0) {
            *ret_cpu = variants[i].new_definition();
            return 0;
        }
    }
    return cpulift_error_set(err, CPULIFT_EINPUT, "unknown variant '%s': default or paper",
                             variant);
}
