// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/explain_newcomer.h"

#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static cpulift_plan *compute(const struct pool_host *hosts, size_t count)
{
    g_autoptr(cpulift_error) err = NULL;
    cpulift_plan *plan = pool_plan(hosts, count, NULL, &err);
    if (plan == NULL) {
        fail_msg("%s", err->message);
    }
    return plan;
}

static explain *new_explain(const cpulift_plan *plan)
{
    explain *self = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(explain_new(plan, support_get_catalog(), &self, &err), 0);
    return self;
}

/// What the leaving of the kinds of these hosts (between blanks) gains.
static feature_set compute_gain(const explain *self, const char *hosts)
{
    g_autofree bool *leaves = g_new0(bool, self->kinds->len);
    g_auto(GStrv) names = g_strsplit(hosts, " ", -1);
    for (char **name = names; *name != NULL; name++) {
        leaves[explain_find_kind(self, *name)] = true;
    }
    return explain_compute_gain(self, leaves);
}

/// What explain says of a kind's leaving is what a plan without it has, however many hosts it has.
static void test_gain(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "new", .model = "Haswell-noTSX"},
                                {.name = "twin", .model = "Haswell-noTSX"},
                                {.name = "old-1", .model = "Nehalem"},
                                {.name = "old-2", .model = "Nehalem"}};
    g_autoptr(cpulift_plan) all = compute(hosts, 4);
    g_autoptr(explain) self = new_explain(all);
    g_autoptr(cpulift_plan) without = compute(hosts, 2);
    feature_set gain = compute_gain(self, "old-1"), none = compute_gain(self, "twin");
    feature_set expected = feature_set_subtract(pool_get_planned(without), pool_get_planned(all));
    assert_true(feature_set_equal(&gain, &expected) && !feature_set_is_empty(&gain));
    assert_true(feature_set_is_empty(&none));
    assert_int_equal(explain_find_kind(self, "nobody"), -1);
    g_autoptr(GArray) gainers = explain_find_gainers(self);
    assert_int_equal(gainers->len, 1);
    assert_int_equal(g_array_index(gainers, size_t, 0), explain_find_kind(self, "old-2"));
}

/// Two poor kinds cost the same: neither's leaving alone gains it, in whatever order they stand.
static void test_gain_of_two_poor(void **state)
{
    (void)state;
    static const char *const orders[][3] = {{"a", "b", "c"}, {"a", "c", "b"}, {"b", "a", "c"}};
    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        const struct pool_host hosts[] = {
            {.name = orders[i][0], .model = "Nehalem", .phys_bits = 36},
            {.name = orders[i][1], .model = "Haswell-noTSX", .phys_bits = 39},
            {.name = orders[i][2], .model = "Nehalem", .phys_bits = 40}};
        g_autoptr(cpulift_plan) plan = compute(hosts, 3);
        g_autoptr(explain) self = new_explain(plan);
        g_autoptr(GArray) gainers = explain_find_gainers(self);
        assert_int_equal(self->kinds->len, 3);
        assert_int_equal(gainers->len, 0);
    }
}

/// AMD's emulated arch-capabilities are no gain.
static void test_gain_keeps_policy(void **state)
{
    (void)state;
    struct pool_host hosts[] = {
        {.name = "a", .model = "EPYC", .more = "arch-capabilities", .usable = "486"},
        {.name = "b", .model = "EPYC", .usable = "486"}};
    g_autoptr(cpulift_plan) plan = compute(hosts, 2);
    g_autoptr(explain) self = new_explain(plan);
    feature_set gain = compute_gain(self, "b");
    g_autoptr(GArray) gainers = explain_find_gainers(self);
    assert_true(feature_set_is_empty(&gain));
    assert_int_equal(gainers->len, 0);
}

/// The kinds without which a pool reaches a level: each must go, and the rest reaches it.
static void test_leavers(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "a", .model = "Haswell-noTSX"},
                                {.name = "b", .model = "Nehalem"},
                                {.name = "c", .model = "Haswell-noTSX", .less = "movbe"},
                                {.name = "d", .model = "Nehalem"}};
    g_autoptr(cpulift_plan) plan = compute(hosts, 4);
    g_autoptr(explain) self = new_explain(plan);
    bool leaves[3] = {false};
    assert_true(explain_find_leavers(self, 3, leaves));
    assert_true(!leaves[explain_find_kind(self, "a")] && leaves[explain_find_kind(self, "b")] &&
                leaves[explain_find_kind(self, "c")]);
    assert_true(explain_find_leavers(self, 2, leaves));
    assert_false(leaves[0] || leaves[1] || leaves[2]);
    assert_false(explain_find_leavers(self, 4, leaves));
    struct planner_options options = {0};
    assert_int_equal(policy_deny(&options.policy, support_get_catalog(), "movbe", NULL), 0);
    g_autoptr(cpulift_plan) denied = pool_plan(hosts, 4, &options, NULL);
    g_autoptr(explain) of_denied = new_explain(denied);
    assert_false(explain_find_leavers(of_denied, 3, leaves));
}

/// "what|a|b" of each cost of a new host, between blanks. The caller frees it.
static char *join_costs(const cpulift_plan *plan, const struct pool_host *host)
{
    g_autoptr(explain) self = new_explain(plan);
    g_autoptr(inventory) inv = pool_new(host, 1);
    g_autoptr(GPtrArray) costs = explain_newcomer(self, plan, inv, 0);
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < costs->len; i++) {
        const struct compare_difference *one = costs->pdata[i];
        g_string_append_printf(text, "%s|%s|%s;", one->what, one->a != NULL ? one->a : "",
                               one->b != NULL ? one->b : "");
    }
    return g_string_free(text, FALSE);
}

static void test_newcomers(void **state)
{
    (void)state;
    const struct pool_host host = {.name = "a",
                                   .model = "Broadwell-noTSX",
                                   .more = "ssbd",
                                   .libvirt = "9.0.0",
                                   .qemu = "8.2.2",
                                   .phys_bits = 46};
    g_autoptr(cpulift_plan) plan = compute(&host, 1);
    static const struct {
        struct pool_host host; ///< in what it is not like the pool's
        const char *costs;
    } cases[] = {
        {{.name = "n"}, ""},
        {{.name = "n", .less = "abm"}, "features|abm|;"},
        {{.name = "n", .less = "ssbd"}, "mitigations|ssbd|;"},
        {{.name = "n", .stuck = "abm"}, "features|abm|;"},
        {{.name = "n", .phys_bits = 39}, "physical address bits|46|39;"},
        {{.name = "n", .phys_bits = 48}, ""},
        {{.name = "n", .libvirt = "8.0.0"},
         "physical address bits|46|its libvirt (8.0.0) cannot state them;"},
        {{.name = "n", .qemu = "9.2.4"}, ""},
        {{.name = "n", .qemu = "10.0.2"},
         "QEMU|older than 10.0|10.0.2: guests with more than one logical CPU per socket migrate "
         "among either, never between the two; sockets instead of cores in their <topology> join "
         "them;"},
        {{.name = "n", .known = "Nehalem Westmere"},
         "model|Broadwell-noTSX|not known to its libvirt or QEMU;"},
        {{.name = "n", .machine = "q35"}, "machine type|kvm on pc|;"},
        {{.name = "n", .virt = "qemu"}, "machine type|kvm on pc|;"},
        {{.name = "n", .unknown = "rrsba warp-drive"}, "hazards||rrsba;"},
        {{.name = "n", .more = "arch-capabilities rsba"}, "hazards||rsba;"},
        {{.name = "n", .vendor = "", .unknown = "rrsba"},
         "vendor|Intel|not said (scan it again, or import 'virsh capabilities');hazards||rrsba;"},
        {{.name = "n", .vendor = "AMD"},
         "vendor|Intel|AMD (guests cannot be promised to migrate between vendors: it needs a pool "
         "of its own);"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct pool_host new = cases[i].host;
        g_autofree char *more = g_strdup_printf("ssbd %s", new.more != NULL ? new.more : "");
        new.model = host.model;
        new.more = more;
        new.libvirt = new.libvirt != NULL ? new.libvirt : host.libvirt;
        new.qemu = new.qemu != NULL ? new.qemu : host.qemu;
        new.phys_bits = new.phys_bits != 0 ? new.phys_bits : host.phys_bits;
        g_autofree char *costs = join_costs(plan, &new);
        if (strcmp(costs, cases[i].costs) != 0) {
            fail_msg("case %zu: '%s'", i, costs);
        }
    }
    struct pool_host unsaid = host;
    unsaid.phys_bits = 0;
    g_autofree char *costs = join_costs(plan, &unsaid);
    assert_string_equal(costs, "physical address bits|46|;");
}

/// A guest of the pool's Broadwell does not know of retbleed, which a Skylake has.
static void test_newcomer_hides(void **state)
{
    (void)state;
    const struct pool_host host = {.name = "a", .model = "Broadwell-noTSX"};
    const struct pool_host new = {.name = "n", .model = "Skylake-Server-noTSX-IBRS"};
    g_autoptr(cpulift_plan) plan = compute(&host, 1);
    g_autofree char *costs = join_costs(plan, &new);
    assert_non_null(strstr(costs, "hidden by the model||"));
    assert_non_null(strstr(costs, "retbleed"));
}

/// The features that explain says a host costs are those that a plan with it lacks.
static void test_cost(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "a", .model = "Haswell-noTSX"},
                                {.name = "y", .model = "Nehalem", .stuck = "sse4.2"}};
    g_autoptr(cpulift_plan) plan = compute(hosts, 1);
    g_autoptr(cpulift_plan) both = compute(hosts, 2);
    g_autoptr(explain) self = new_explain(plan);
    g_autoptr(inventory) inv = pool_new(&hosts[1], 1);
    const struct host_kind *kind = inv->kinds->pdata[0];
    feature_set cost = explain_compute_cost(self, kind->host->guests->pdata[0]);
    feature_set expected = feature_set_subtract(pool_get_planned(plan), pool_get_planned(both));
    assert_true(feature_set_equal(&cost, &expected));
}

static void test_variant(void **state)
{
    (void)state;
    const struct planner_options options = {0};
    g_autoptr(cpulift_plan) paper = NULL;
    g_autoptr(explain) self = NULL;
    g_autoptr(cpulift_error) err = NULL;
    const catalog *map = support_get_catalog();
    assert_int_equal(planner_compute_variant("paper", &options, map, &paper, &err), 0);
    assert_int_equal(explain_new(paper, map, &self, &err), CPULIFT_EINPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gain),
        cmocka_unit_test(test_gain_of_two_poor),
        cmocka_unit_test(test_gain_keeps_policy),
        cmocka_unit_test(test_leavers),
        cmocka_unit_test(test_newcomers),
        cmocka_unit_test(test_newcomer_hides),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_variant),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
