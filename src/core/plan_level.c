// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/plan_level.h"

#include "core/level.h"

#include <string.h>

static void append_features(GString *text, const catalog *map, const feature_set *set)
{
    const char *between = "";
    feature_set_foreach (id, set) {
        g_string_append_printf(text, "%s%s", between, catalog_get_feature(map, id)->name);
        between = ", ";
    }
}

static bool find_leavers(const cpulift_pool *pool, const struct policy *policy, unsigned level,
                         bool *leaves)
{
    size_t count = pool->inv->kinds->len;
    g_autofree const feature_set **kinds = g_new0(const feature_set *, count);
    for (size_t k = 0; k < count; k++) {
        kinds[k] = &pool->guests[k]->features;
    }
    const struct level_pool asked = {pool->inv->map,       policy, pool_get_policy_vendor(pool),
                                     pool->not_migratable, kinds,  count};
    return level_find_leavers(&asked, level, leaves);
}

/// "hosts 'a', 'b' lack avx2, fma; host 'c' lacks movbe": the kinds that leave, those that lack the
/// same together.
static void append_lacking(GString *text, const cpulift_pool *pool, const feature_set *needed,
                           const bool *leaves)
{
    size_t count = pool->inv->kinds->len;
    g_autofree bool *told = g_new0(bool, count);
    for (size_t k = 0; k < count; k++) {
        feature_set lacks = feature_set_subtract(*needed, pool->guests[k]->features);
        if (!leaves[k] || told[k]) {
            continue;
        }
        g_autoptr(GArray) alike = g_array_new(FALSE, FALSE, sizeof(size_t));
        for (size_t other = k; other < count; other++) {
            feature_set also = feature_set_subtract(*needed, pool->guests[other]->features);
            if (leaves[other] && !told[other] && feature_set_equal(&also, &lacks)) {
                told[other] = true;
                g_array_append_val(alike, other);
            }
        }
        g_autofree char *hosts = pool_quote_hosts(pool->inv, alike);
        bool is_one = g_str_has_prefix(hosts, "host ");
        g_string_append_printf(text, "%s%s %s ", text->len > 0 ? "; " : "", hosts,
                               is_one ? "lacks" : "lack");
        append_features(text, pool->inv->map, &lacks);
    }
}

/// What the level needs and policy leaves out, and why.
static void append_policy(GString *text, const cpulift_pool *pool, const feature_set *needed,
                          const struct selection *selection)
{
    feature_set_foreach (id, needed) {
        enum policy_reason reason = selection->reasons[id];
        if (reason != POLICY_GIVEN && reason != POLICY_DEPENDENCY) {
            g_string_append_printf(text, "%spolicy leaves out %s (%s)", text->len > 0 ? "; " : "",
                                   catalog_get_feature(pool->inv->map, id)->name,
                                   policy_reason_to_string(reason));
        }
    }
}

/// How many hosts leave, and whether any stays.
static size_t count_leavers(const cpulift_pool *pool, const bool *leaves)
{
    size_t total = 0;
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        total += leaves[k] ? ((const struct host_kind *)pool->inv->kinds->pdata[k])->names->len : 0;
    }
    return total;
}

int plan_check_level(const cpulift_pool *pool, const struct policy *policy,
                     const struct selection *selection, unsigned level, cpulift_error **err)
{
    unsigned reached = catalog_compute_level(pool->inv->map, &selection->chosen, NULL);
    if (reached >= level) {
        return 0;
    }
    g_autofree bool *leaves = g_new0(bool, pool->inv->kinds->len);
    bool is_reached = find_leavers(pool, policy, level, leaves);
    feature_set needed = catalog_get_level(pool->inv->map, level);
    g_autoptr(GString) why = g_string_new(NULL);
    append_policy(why, pool, &needed, selection);
    append_lacking(why, pool, &needed, leaves);
    size_t count = count_leavers(pool, leaves);
    g_autofree char *remedy =
        !is_reached  ? g_strdup("leaving out hosts alone does not help")
        : count == 1 ? g_strdup("without this host (--without) it is reached")
                     : g_strdup_printf("without these %zu hosts (--without) it is reached", count);
    return cpulift_error_set(err, CPULIFT_EREFUSED, "the pool does not reach x86-64-v%u: %s; %s",
                             level, why->str, remedy);
}
