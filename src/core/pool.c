// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/pool.h"

#include "base/text.h"
#include "core/machine.h"
#include "core/policy.h"

#include <string.h>

#define NAMES_IN_MESSAGE 5

GArray *pool_find_costs(const cpulift_pool *pool, size_t id)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        if (!feature_set_has(&pool->guests[k]->features, id)) {
            g_array_append_val(kinds, k);
        }
    }
    return kinds;
}

static void unknown_free(void *data)
{
    struct pool_unknown *unknown = data;
    g_array_unref(unknown->givers);
    g_free(unknown);
}

static int compare_unknown(const void *a, const void *b)
{
    const struct pool_unknown *const *ua = a, *const *ub = b;
    return strcmp((*ua)->name, (*ub)->name);
}

GPtrArray *pool_collect_unknown(const cpulift_pool *pool)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *sorted = g_ptr_array_new_with_free_func(unknown_free);
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        char **name = pool->guests[k]->unknown;
        for (; name != NULL && *name != NULL; name++) {
            struct pool_unknown *unknown = g_hash_table_lookup(seen, *name);
            int id = catalog_find_feature(pool->inv->map, *name);
            if (id >= 0 && feature_set_has(&pool->any, (size_t)id)) {
                continue; // another host's libvirt is new enough for it: this host costs it
            }
            if (unknown == NULL) {
                unknown = g_new0(struct pool_unknown, 1);
                unknown->name = *name;
                unknown->givers = g_array_new(FALSE, FALSE, sizeof(size_t));
                g_hash_table_insert(seen, *name, unknown);
                g_ptr_array_add(sorted, unknown);
            }
            g_array_append_val(unknown->givers, k);
        }
    }
    g_ptr_array_sort(sorted, compare_unknown);
    return sorted;
}

GArray *pool_complement(const cpulift_pool *pool, const GArray *kinds)
{
    GArray *others = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t k = 0, at = 0; k < pool->inv->kinds->len; k++) {
        if (at < kinds->len && g_array_index(kinds, size_t, at) == k) {
            at++;
        } else {
            g_array_append_val(others, k);
        }
    }
    return others;
}

const char *pool_get_policy_vendor(const cpulift_pool *pool)
{
    return pool->is_mixed_vendor ? POLICY_VENDOR_MIXED : pool->vendor;
}

/// Merges the kind's names, which are sorted, into as sorted ones; `most` of them stay.
static void merge_names(GPtrArray *names, const GPtrArray *more, size_t most)
{
    g_autofree void **old = g_memdup2(names->pdata, names->len * sizeof(void *));
    size_t len = names->len, n = 0, m = 0;
    g_ptr_array_set_size(names, 0);
    while (names->len < most && (n < len || m < more->len)) {
        bool is_old = m == more->len || (n < len && strcmp(old[n], more->pdata[m]) < 0);
        g_ptr_array_add(names, is_old ? old[n++] : more->pdata[m++]);
    }
}

GPtrArray *pool_get_hosts(const inventory *inv, const GArray *kinds, size_t most, size_t *ret_total)
{
    GPtrArray *names = g_ptr_array_new();
    size_t total = 0;
    for (size_t i = 0; i < kinds->len; i++) {
        const struct host_kind *kind = inv->kinds->pdata[g_array_index(kinds, size_t, i)];
        const GPtrArray *more = kind->names;
        total += more->len;
        bool is_after = names->len == most && strcmp(names->pdata[most - 1], more->pdata[0]) < 0;
        if (!is_after) {
            merge_names(names, more, most);
        }
    }
    *ret_total = total;
    return names;
}

char *pool_join_hosts(const inventory *inv, const GArray *kinds, size_t most)
{
    size_t total = 0;
    g_autoptr(GPtrArray) names = pool_get_hosts(inv, kinds, most, &total);
    return text_join_some((const char *const *)names->pdata, total, most);
}

char *pool_quote_hosts(const inventory *inv, const GArray *kinds)
{
    return pool_quote_some(inv, kinds, NAMES_IN_MESSAGE);
}

char *pool_quote_some(const inventory *inv, const GArray *kinds, size_t most)
{
    size_t total = 0;
    g_autoptr(GPtrArray) names = pool_get_hosts(inv, kinds, most, &total);
    GString *text = g_string_new(total == 1 ? "host" : "hosts");
    for (size_t i = 0; i < names->len; i++) {
        g_string_append_printf(text, "%s '%s'", i > 0 ? "," : "", (char *)names->pdata[i]);
    }
    if (total > names->len) {
        g_string_append_printf(text, " and %zu more", total - names->len);
    }
    return g_string_free(text, FALSE);
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
static int choose_virt(cpulift_pool *pool, cpulift_error **err)
{
    g_autoptr(GArray) no_kvm = find_lacking(pool->inv, "kvm", NULL);
    if (pool->virt == NULL) {
        bool none_has = no_kvm->len == pool->inv->kinds->len;
        pool->virt = none_has ? "qemu" : "kvm";
    }
    g_autoptr(GArray) lacking = find_lacking(pool->inv, pool->virt, NULL);
    if (lacking->len == 0) {
        return 0;
    }
    g_autofree char *names = pool_quote_hosts(pool->inv, lacking);
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "%s cannot give %s guests; leave it out (--without), scan it again, or "
        "plan for another --virt",
        names, pool->virt);
}

static int choose_machine(cpulift_pool *pool, cpulift_error **err)
{
    for (const char *const *name = machine_names; *name != NULL && pool->machine == NULL; name++) {
        g_autoptr(GArray) lacking = find_lacking(pool->inv, pool->virt, *name);
        pool->machine = lacking->len == 0 ? *name : NULL;
    }
    const char *machine = pool->machine != NULL ? pool->machine : machine_names[0];
    g_autoptr(GArray) lacking = find_lacking(pool->inv, pool->virt, machine);
    if (lacking->len == 0) {
        return 0;
    }
    g_autofree char *names = pool_quote_hosts(pool->inv, lacking);
    g_autofree char *meant =
        pool->machine != NULL ? text_suggest(machine, machine_names) : g_strdup("");
    // A name that is nobody's was not meant; one that some hosts lack was.
    bool is_nobodys =
        lacking->len == pool->inv->kinds->len && !g_strv_contains(machine_names, machine);
    return cpulift_error_set(
        err, is_nobodys ? CPULIFT_EUSAGE : CPULIFT_EINPUT,
        "what %s guests on machine type '%s' get is not said by %s; scan again or choose another "
        "--machine%s",
        pool->virt, machine, names, meant);
}

static int check_arch(const cpulift_pool *pool, cpulift_error **err)
{
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
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

static const char *name_vendor(const cpulift_host *host)
{
    return host->vendor != NULL ? host->vendor : "of a vendor that its document does not say";
}

bool pool_is_one_vendor(const char *virt, const char *a, const char *b)
{
    bool are_said = a != NULL && b != NULL;
    return are_said ? strcmp(a, b) == 0 : strcmp(virt, "qemu") == 0;
}

/// A pool has one vendor, or the operator has said that it may be mixed.
static int check_vendor(cpulift_pool *pool, bool is_mixed_vendor_allowed, cpulift_error **err)
{
    const struct host_kind *first = pool->inv->kinds->pdata[0];
    for (size_t k = 1; k < pool->inv->kinds->len; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
        if (pool_is_one_vendor(pool->virt, first->host->vendor, kind->host->vendor)) {
            first = first->host->vendor != NULL ? first : kind;
            continue;
        }
        pool->is_mixed_vendor = true;
        if (!is_mixed_vendor_allowed) {
            return cpulift_error_set(
                err, CPULIFT_EREFUSED,
                "host '%s' is %s but host '%s' is %s: guests cannot be promised to migrate between "
                "vendors; split the pool, or plan the common subset with --allow-mixed-vendor",
                (char *)first->names->pdata[0], name_vendor(first->host),
                (char *)kind->names->pdata[0], name_vendor(kind->host));
        }
    }
    pool->vendor = pool->is_mixed_vendor ? NULL : first->host->vendor;
    return 0;
}

static void gather_guests(cpulift_pool *pool)
{
    const inventory *inv = pool->inv;
    pool->guests = g_new0(const struct host_guest *, inv->kinds->len);
    feature_set all = {0};
    for (size_t id = 0; id < catalog_feature_count(inv->map); id++) {
        feature_set_add(&all, id);
    }
    pool->common = all;
    pool->not_migratable = feature_set_subtract(all, catalog_get_migratable(inv->map));
    for (size_t k = 0; k < inv->kinds->len; k++) {
        const cpulift_host *host = ((const struct host_kind *)inv->kinds->pdata[k])->host;
        const struct host_guest *guest = host_find_guest(host, pool->virt, pool->machine);
        pool->guests[k] = guest;
        pool->common = feature_set_intersect(pool->common, guest->features);
        pool->any = feature_set_unite(pool->any, guest->features);
        pool->not_migratable = feature_set_unite(pool->not_migratable, guest->not_migratable);
        unsigned width = host_get_width(host, guest);
        pool->is_phys_bits_mixed |= k > 0 && width != pool->phys_bits;
        pool->phys_bits = k == 0 ? width : MIN(pool->phys_bits, width);
    }
}

static int check_unknown(const cpulift_pool *pool, cpulift_error **err)
{
    g_autoptr(GPtrArray) unknown = pool_collect_unknown(pool);
    return unknown->len <= POOL_UNKNOWN_MAX
               ? 0
               : cpulift_error_set(
                     err, CPULIFT_EINPUT,
                     "the hosts give %u features that the CPU map here does not have, "
                     "and a pool may have at most %d of these: 'cpulift show' of a "
                     "host document lists its own; scan anew, or leave out who names "
                     "them (--without)",
                     unknown->len, POOL_UNKNOWN_MAX);
}

int pool_gather(const inventory *inv, const char *virt, const char *machine,
                bool is_mixed_vendor_allowed, cpulift_pool **ret_pool, cpulift_error **err)
{
    g_autoptr(cpulift_pool) pool = g_new0(cpulift_pool, 1);
    *pool = (cpulift_pool){.inv = inv, .virt = virt, .machine = machine};
    TRY(check_arch(pool, err));
    TRY(choose_virt(pool, err));
    TRY(choose_machine(pool, err));
    TRY(check_vendor(pool, is_mixed_vendor_allowed, err));
    gather_guests(pool);
    TRY(check_unknown(pool, err));
    *ret_pool = g_steal_pointer(&pool);
    return 0;
}

void pool_free(cpulift_pool *pool)
{
    if (pool != NULL) {
        g_free(pool->guests);
        g_free(pool);
    }
}
