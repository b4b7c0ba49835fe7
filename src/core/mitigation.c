// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mitigation.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *vendor, *feature, *original;
} doubles[] = {
#define DOUBLE(vendor, feature, original) {vendor, feature, original},
#include "core/tables/doubles.def"
#undef DOUBLE
};

enum part {
    MICROCODE,
    LINUX,
    QEMU,
    REMEDIES,
    LIBVIRT = REMEDIES,
    PARTS,
};

/// Of silicon that has another feature instead.
#define NEVER "never"

static const struct remedy {
    const char *feature, *given;
    const char *since[REMEDIES];
} remedies[] = {
#define REMEDY(feature, given, microcode, linux, qemu) {feature, given, {microcode, linux, qemu}},
#include "core/tables/remedies.def"
#undef REMEDY
};

static const char *const part_names[] = {"microcode", "kernel", "QEMU", "libvirt"};

static void group_free(void *data)
{
    struct mitigation_group *group = data;
    g_ptr_array_unref(group->names);
    g_array_unref(group->kinds);
    g_free(group);
}

static bool is_double(const cpulift_pool *pool, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(doubles); i++) {
        int original = catalog_find_feature(pool->inv->map, doubles[i].original);
        if (g_strcmp0(doubles[i].vendor, pool->vendor) == 0 &&
            strcmp(doubles[i].feature, name) == 0 && original >= 0 &&
            feature_set_has(&pool->any, (size_t)original)) {
            return true;
        }
    }
    return false;
}

/// What no host's guest could have had of its own: KVM makes it up, or it hangs on what is made up
/// or on what no host has. `whole` is the selection from all that some host has.
static bool is_made_up(const cpulift_pool *pool, const struct selection *whole, size_t id)
{
    while (feature_set_has(&pool->any, id) && whole->reasons[id] == POLICY_DEPENDENCY) {
        id = (size_t)whole->needs[id];
    }
    return whole->reasons[id] == POLICY_EMULATED || !feature_set_has(&pool->any, id);
}

static bool is_same(const GArray *a, const GArray *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->data, b->data, a->len * sizeof(size_t)) == 0);
}

/// Adds a name to the group of which the same is to be said; `like` is that group but for the
/// names, and its kinds are taken over.
static void add_name(GPtrArray *groups, const char *name, struct mitigation_group like)
{
    for (size_t i = 0; i < groups->len; i++) {
        struct mitigation_group *group = groups->pdata[i];
        if (group->reason == like.reason && is_same(group->kinds, like.kinds)) {
            g_ptr_array_add(group->names, (char *)name);
            g_array_unref(like.kinds);
            return;
        }
    }
    struct mitigation_group *group = g_memdup2(&like, sizeof like);
    group->names = g_ptr_array_new();
    g_ptr_array_add(group->names, (char *)name);
    g_ptr_array_add(groups, group);
}

/// The kinds that have (or have not) the feature.
static GArray *find_kinds(const cpulift_pool *pool, size_t id, bool has)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        if (feature_set_has(&pool->guests[k]->features, id) == has) {
            g_array_append_val(kinds, k);
        }
    }
    return kinds;
}

/// The reason counts only where no host lacks it.
static struct mitigation_group describe(const cpulift_pool *pool, GArray *kinds, bool is_hazard,
                                        enum policy_reason reason)
{
    bool has_all = kinds->len == (is_hazard ? pool->inv->kinds->len : 0);
    return (struct mitigation_group){NULL, kinds, has_all ? reason : POLICY_GIVEN, is_hazard};
}

/// Groups of what is of this class, given somewhere and not planned; `has`: the kinds that have it,
/// else those that lack it.
static GPtrArray *find_groups(const cpulift_pool *pool, const struct policy *policy,
                              const struct selection *selection, enum feature_class class, bool has)
{
    const catalog *map = pool->inv->map;
    GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);
    struct selection whole = {0};
    select_features(map, policy, pool_get_policy_vendor(pool), pool->any, pool->not_migratable,
                    &whole);
    feature_set lost = feature_set_subtract(
        feature_set_intersect(pool->any, catalog_get_class(map, class)), selection->chosen);
    feature_set_foreach (id, &lost) {
        const char *name = catalog_get_feature(map, id)->name;
        if (!is_double(pool, name) && !is_made_up(pool, &whole, id)) {
            add_name(groups, name,
                     describe(pool, find_kinds(pool, id, has), has, selection->reasons[id]));
        }
    }
    g_autoptr(GPtrArray) unknown = pool_collect_unknown(pool);
    for (size_t i = 0; i < unknown->len; i++) {
        const struct pool_unknown *one = unknown->pdata[i];
        if (catalog_classify(one->name) == class) {
            GArray *kinds = has ? g_array_ref(one->givers) : pool_complement(pool, one->givers);
            add_name(groups, one->name, describe(pool, kinds, has, POLICY_UNKNOWN));
        }
    }
    return groups;
}

GPtrArray *mitigation_find_lost(const cpulift_pool *pool, const struct policy *policy,
                                const struct selection *selection)
{
    return find_groups(pool, policy, selection, FEATURE_MITIGATION, false);
}

GPtrArray *mitigation_find_hazards(const cpulift_pool *pool, const struct policy *policy,
                                   const struct selection *selection)
{
    return find_groups(pool, policy, selection, FEATURE_HAZARD, true);
}

char *mitigation_join_names(const struct mitigation_group *group)
{
    g_ptr_array_add(group->names, NULL);
    char *joined = g_strjoinv(", ", (char **)group->names->pdata);
    g_ptr_array_set_size(group->names, (int)group->names->len - 1);
    return joined;
}

/// A version or a month as a number that grows; 0 where it is not known.
static unsigned weigh(const char *version)
{
    unsigned major = 0, minor = 0;
    bool is_known = version != NULL && sscanf(version, "%u%*[.-]%u", &major, &minor) == 2;
    return is_known ? major * 1000 + MIN(minor, 999) : 0;
}

/// The last row for the feature that fits what the host gives; NULL where there is none.
static const struct remedy *find_remedy(const cpulift_pool *pool, size_t kind, const char *name)
{
    const struct remedy *found = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(remedies); i++) {
        int given = catalog_find_feature(pool->inv->map, remedies[i].given);
        bool fits = *remedies[i].given == '\0' ||
                    (given >= 0 && feature_set_has(&pool->guests[kind]->features, (size_t)given));
        found = fits && strcmp(remedies[i].feature, name) == 0 ? &remedies[i] : found;
    }
    return found;
}

/// What must be updated, and to what: since[p] is NULL where part p need not, "" where it is not
/// known. *ret_never is the row of a feature that no update gives, or NULL.
static void find_updates(const cpulift_pool *pool, const struct mitigation_group *group,
                         const char **since, const struct remedy **ret_never)
{
    for (size_t k = 0; k < group->kinds->len; k++) {
        size_t index = g_array_index(group->kinds, size_t, k);
        const cpulift_host *host = ((struct host_kind *)pool->inv->kinds->pdata[index])->host;
        const char *const *apart = (const char *const *)pool->guests[index]->unknown;
        const char *have[REMEDIES] = {NULL, host->kernel_version, host->qemu_version};
        for (size_t i = 0; i < group->names->len; i++) {
            if (apart != NULL && g_strv_contains(apart, group->names->pdata[i])) {
                since[LIBVIRT] = CATALOG_NEWER_SINCE; // it gives it already
                continue;
            }
            const struct remedy *remedy = find_remedy(pool, index, group->names->pdata[i]);
            if (remedy != NULL && strcmp(remedy->since[MICROCODE], NEVER) == 0) {
                *ret_never = remedy;
                continue;
            }
            for (size_t p = 0; p < REMEDIES; p++) {
                const char *need = remedy != NULL ? remedy->since[p] : "";
                bool is_needed = remedy == NULL || weigh(need) > weigh(have[p]);
                if (is_needed && (since[p] == NULL || weigh(need) > weigh(since[p]))) {
                    since[p] = need;
                }
            }
        }
    }
}

/// Where no host lacks it.
static char *describe_policy(enum policy_reason reason)
{
    return reason == POLICY_UNKNOWN
               ? g_strdup("every host has it, but this machine's libvirt does not know the name: "
                          "CPULIFT_CPU_MAP may name a newer map")
               : g_strdup_printf("every host has it: policy leaves it out (%s)",
                                 policy_reason_to_string(reason));
}

/// "update microcode (2019-05 or newer), kernel and QEMU"; NULL where nothing must be. The
/// caller's.
static char *format_updates(const char *const *since)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    for (size_t p = 0; p < PARTS; p++) {
        if (since[p] != NULL) {
            g_ptr_array_add(parts, *since[p] == '\0' ? g_strdup(part_names[p])
                                                     : g_strdup_printf("%s (%s or newer)",
                                                                       part_names[p], since[p]));
        }
    }
    GString *text = g_string_new(parts->len > 0 ? "update " : NULL);
    for (size_t i = 0; i < parts->len; i++) {
        const char *between = i == 0 ? "" : i + 1 < parts->len ? ", " : " and ";
        g_string_append_printf(text, "%s%s", between, (char *)parts->pdata[i]);
    }
    return g_string_free(text, parts->len == 0);
}

char *mitigation_describe_remedy(const cpulift_pool *pool, const struct mitigation_group *group)
{
    const char *since[PARTS] = {NULL};
    const struct remedy *never = NULL;
    if (group->reason != POLICY_GIVEN) {
        return describe_policy(group->reason);
    }
    if (group->is_hazard) {
        return g_strdup("plan these hosts apart");
    }
    find_updates(pool, group, since, &never);
    g_autofree char *updates = format_updates(since);
    if (never != NULL) {
        return g_strdup_printf("%s%sno update gives %s there: KVM gives guests of these CPUs %s "
                               "instead; plan them apart",
                               updates != NULL ? updates : "", updates != NULL ? "; " : "",
                               never->feature, never->given);
    }
    return updates != NULL
               ? g_steal_pointer(&updates)
               : g_strdup("their versions could give it: look for what switches it off");
}
