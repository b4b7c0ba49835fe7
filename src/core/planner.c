// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/planner.h"

#include "base/text.h"
#include "core/planner_internal.h"

#include <string.h>

#define NAMES_IN_MESSAGE 5

GArray *planner_find_costs(const struct planning *planning, size_t id)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t k = 0; k < planning->inv->kinds->len; k++) {
        if (!feature_set_has(&planning->guests[k]->features, id)) {
            g_array_append_val(kinds, k);
        }
    }
    return kinds;
}

GPtrArray *planner_get_hosts(const struct planning *planning, const GArray *kinds, size_t most,
                             size_t *ret_total)
{
    GPtrArray *names = g_ptr_array_new();
    size_t total = 0;
    for (size_t i = 0; i < kinds->len; i++) {
        const struct host_kind *kind = planning->inv->kinds->pdata[g_array_index(kinds, size_t, i)];
        total += kind->names->len;
        size_t count = most != 0 ? MIN(most, kind->names->len) : kind->names->len;
        for (size_t n = 0; n < count; n++) { // a kind's names are sorted
            g_ptr_array_add(names, kind->names->pdata[n]);
        }
    }
    g_ptr_array_sort(names, text_compare);
    *ret_total = total;
    if (most != 0 && names->len > most) {
        g_ptr_array_set_size(names, (int)most);
    }
    return names;
}

char *planner_join_hosts(const struct planning *planning, const GArray *kinds, size_t most)
{
    size_t total = 0;
    g_autoptr(GPtrArray) names = planner_get_hosts(planning, kinds, most, &total);
    return text_join_some((const char *const *)names->pdata, total, most);
}

static char *join_hosts(const struct planning *planning, const GArray *kinds)
{
    return planner_join_hosts(planning, kinds, NAMES_IN_MESSAGE);
}

/// The kinds that have no entry for this virt type and machine (NULL: any).
static GArray *find_lacking(const inventory *inv, const char *virt, const char *machine)
{
    GArray *lacking = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t k = 0; k < inv->kinds->len; k++) {
        const cpulift_host *host = ((const struct host_kind *)inv->kinds->pdata[k])->host;
        bool has = false;
        for (size_t g = 0; g < host->guests->len; g++) {
            const struct host_guest *guest = host->guests->pdata[g];
            has = has || (strcmp(guest->virt, virt) == 0 &&
                          (machine == NULL || strcmp(guest->machine, machine) == 0));
        }
        if (!has) {
            g_array_append_val(lacking, k);
        }
    }
    return lacking;
}

/// kvm where every host has it; qemu only where no host has kvm: a plan for one is none for the
/// other.
static int choose_virt(struct planning *planning, cpulift_error **err)
{
    planning->virt = planning->options->virt;
    g_autoptr(GArray) no_kvm = find_lacking(planning->inv, "kvm", NULL);
    if (planning->virt == NULL) {
        bool none_has = no_kvm->len == planning->inv->kinds->len;
        planning->virt = none_has ? "qemu" : "kvm";
    }
    g_autoptr(GArray) lacking = find_lacking(planning->inv, planning->virt, NULL);
    if (lacking->len == 0) {
        return 0;
    }
    g_autofree char *names = join_hosts(planning, lacking);
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "host '%s' cannot give %s guests; leave it out (--without), scan it again, or "
        "plan for another --virt",
        names, planning->virt);
}

static int choose_machine(struct planning *planning, cpulift_error **err)
{
    const char *const defaults[] = {"pc", "q35"};
    planning->machine = planning->options->machine;
    for (size_t i = 0; i < G_N_ELEMENTS(defaults) && planning->machine == NULL; i++) {
        g_autoptr(GArray) lacking = find_lacking(planning->inv, planning->virt, defaults[i]);
        planning->machine = lacking->len == 0 ? defaults[i] : NULL;
    }
    const char *machine = planning->machine != NULL ? planning->machine : defaults[0];
    g_autoptr(GArray) lacking = find_lacking(planning->inv, planning->virt, machine);
    if (lacking->len == 0) {
        return 0;
    }
    g_autofree char *names = join_hosts(planning, lacking);
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "host '%s' does not say what %s guests on machine type '%s' get; scan it "
        "again or choose another --machine",
        names, planning->virt, machine);
}

static int check_arch(const struct planning *planning, cpulift_error **err)
{
    for (size_t k = 0; k < planning->inv->kinds->len; k++) {
        const struct host_kind *kind = planning->inv->kinds->pdata[k];
        if (strcmp(kind->host->arch, "x86_64") != 0) {
            return cpulift_error_set(
                err, CPULIFT_EINPUT,
                "host '%s' is of architecture '%s': plans are for x86_64 only; leave "
                "it out (--without)",
                (char *)kind->names->pdata[0], kind->host->arch);
        }
    }
    return 0;
}

/// A pool has one vendor, or the operator has said that it may be mixed.
static int check_vendor(struct planning *planning, cpulift_error **err)
{
    const struct host_kind *first = NULL;
    for (size_t k = 0; k < planning->inv->kinds->len; k++) {
        const struct host_kind *kind = planning->inv->kinds->pdata[k];
        if (kind->host->vendor == NULL) {
            continue;
        }
        if (first == NULL) {
            first = kind;
            continue;
        }
        if (strcmp(kind->host->vendor, first->host->vendor) == 0) {
            continue;
        }
        planning->is_mixed_vendor = true;
        if (!planning->options->policy.is_mixed_vendor_allowed) {
            return cpulift_error_set(
                err, CPULIFT_EREFUSED,
                "host '%s' is %s but host '%s' is %s: guests cannot be promised to migrate between "
                "vendors; split the pool, or plan the common subset with --allow-mixed-vendor",
                (char *)first->names->pdata[0], first->host->vendor, (char *)kind->names->pdata[0],
                kind->host->vendor);
        }
    }
    planning->vendor = first != NULL && !planning->is_mixed_vendor ? first->host->vendor : NULL;
    planning->policy_vendor = planning->is_mixed_vendor ? POLICY_VENDOR_MIXED : planning->vendor;
    return 0;
}

/// The width that a guest may have on this host: what the virt type gives; under KVM else the CPU's
/// own.
static unsigned get_width(const cpulift_host *host, const struct host_guest *guest)
{
    bool is_kvm = strcmp(guest->virt, "kvm") == 0;
    return guest->phys_bits != 0 || !is_kvm ? guest->phys_bits : host->phys_bits;
}

static void gather(struct planning *planning)
{
    const inventory *inv = planning->inv;
    feature_set all = {0};
    for (size_t id = 0; id < catalog_feature_count(planning->map); id++) {
        feature_set_add(&all, id);
    }
    planning->common = all;
    planning->not_migratable = feature_set_subtract(all, catalog_get_migratable(planning->map));
    for (size_t k = 0; k < inv->kinds->len; k++) {
        const cpulift_host *host = ((const struct host_kind *)inv->kinds->pdata[k])->host;
        const struct host_guest *guest = host_find_guest(host, planning->virt, planning->machine);
        planning->guests[k] = guest;
        planning->common = feature_set_intersect(planning->common, guest->features);
        planning->any = feature_set_unite(planning->any, guest->features);
        planning->not_migratable =
            feature_set_unite(planning->not_migratable, guest->not_migratable);
        unsigned width = get_width(host, guest);
        planning->is_phys_bits_mixed |= k > 0 && width != planning->phys_bits;
        planning->phys_bits = k == 0 ? width : MIN(planning->phys_bits, width);
    }
}

feature_set planner_select(const catalog *map, const struct policy *policy, const char *vendor,
                           feature_set common, feature_set not_migratable,
                           enum policy_reason *ret_reasons, int *ret_needs)
{
    feature_set chosen = common;
    feature_set_foreach (id, &common) {
        enum policy_reason reason = feature_set_has(&not_migratable, id)
                                        ? POLICY_NOT_MIGRATABLE
                                        : policy_find_reason(policy, map, vendor, id);
        if (reason != POLICY_GIVEN) {
            feature_set_remove(&chosen, id);
        }
        if (ret_reasons != NULL) {
            ret_reasons[id] = reason;
        }
    }
    feature_set hanging = catalog_find_unsupported(map, chosen, ret_needs);
    feature_set_foreach (id, &hanging) {
        if (ret_reasons != NULL) {
            ret_reasons[id] = POLICY_DEPENDENCY;
        }
    }
    return feature_set_subtract(chosen, hanging);
}

/// --require-mitigations: refuses when a mitigation that some host gives is not in the plan.
static int check_mitigations(const struct planning *planning, cpulift_error **err)
{
    if (!planning->options->policy.is_mitigations_required) {
        return 0;
    }
    feature_set wanted =
        feature_set_intersect(planning->any, catalog_get_class(planning->map, FEATURE_MITIGATION));
    feature_set lost = feature_set_subtract(wanted, planning->chosen);
    feature_set_foreach (id, &lost) {
        enum policy_reason reason = policy_find_reason(&planning->options->policy, planning->map,
                                                       planning->policy_vendor, id);
        g_autoptr(GArray) costs = planner_find_costs(planning, id);
        if (reason == POLICY_EMULATED || planning->reasons[id] == POLICY_DEPENDENCY) {
            continue;
        }
        if (costs->len == 0) {
            return cpulift_error_set(
                err, CPULIFT_EREFUSED,
                "the pool would lose the mitigation '%s' although every host gives it: policy "
                "leaves it out (%s)",
                catalog_get_feature(planning->map, id)->name, policy_reason_to_string(reason));
        }
        g_autofree char *names = join_hosts(planning, costs);
        return cpulift_error_set(
            err, CPULIFT_EREFUSED,
            "the pool would lose the mitigation '%s': host '%s' does not give it; update "
            "its microcode, kernel and QEMU, or leave it out (--without)",
            catalog_get_feature(planning->map, id)->name, names);
    }
    return 0;
}

static int compute(struct planning *planning, cpulift_plan **ret_plan, cpulift_error **err)
{
    int rc = check_arch(planning, err);
    if (rc == 0) {
        rc = choose_virt(planning, err);
    }
    if (rc == 0) {
        rc = choose_machine(planning, err);
    }
    if (rc == 0) {
        rc = check_vendor(planning, err);
    }
    if (rc != 0) {
        return rc;
    }
    gather(planning);
    planning->chosen = planner_select(planning->map, &planning->options->policy,
                                      planning->policy_vendor, planning->common,
                                      planning->not_migratable, planning->reasons, planning->needs);
    g_autoptr(cpulift_cpu) cpu = NULL;
    rc = check_mitigations(planning, err);
    if (rc == 0) {
        rc = planner_define(planning, &cpu, err);
    }
    if (rc != 0) {
        return rc;
    }
    g_autoptr(json_t) document = planner_report(planning, cpu);
    return plan_from_json(document, "the plan", ret_plan, err);
}

int planner_compute(const inventory *inv, const struct planner_options *options,
                    cpulift_plan **ret_plan, cpulift_error **err)
{
    const char *unseen = inventory_get_unseen(inv);
    if (unseen != NULL) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "--without '%s' matches no host among the documents; check the name", unseen);
    }
    if (inv->host_count == 0) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "no host is left to plan for; name host documents ('cpulift scan' makes "
            "them)");
    }
    g_autofree struct planning *planning = g_new0(struct planning, 1);
    g_autofree const struct host_guest **guests =
        g_new0(const struct host_guest *, inv->kinds->len);
    planning->inv = inv;
    planning->map = inv->map;
    planning->options = options;
    planning->guests = guests;
    return compute(planning, ret_plan, err);
}
