// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/explain.h"

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

/// What explain says of a host's removal is what a plan without it has.
static void test_gain(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "new", .model = "Haswell-noTSX"},
                                {.name = "old", .model = "Nehalem"},
                                {.name = "twin", .model = "Haswell-noTSX"}};
    g_autoptr(cpulift_plan) all = compute(hosts, 3);
    g_autoptr(explain) self = new_explain(all);
    feature_set gain, none;
    assert_int_equal(explain_compute_gain(self, "old", &gain), 0);
    struct pool_host rest[] = {hosts[0], hosts[2]};
    g_autoptr(cpulift_plan) without = compute(rest, 2);
    feature_set expected = feature_set_subtract(pool_get_planned(without), pool_get_planned(all));
    assert_true(feature_set_equal(&gain, &expected));
    assert_int_equal(explain_compute_gain(self, "twin", &none), 0);
    assert_true(feature_set_is_empty(&none));
    assert_int_equal(explain_compute_gain(self, "nobody", &none), -1);
}

/// Where the poor kind has two hosts, the leaving of one gains nothing.
static void test_no_gain_while_a_poor_twin_stays(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "new", .model = "Haswell-noTSX"},
                                {.name = "old", .model = "Nehalem"},
                                {.name = "twin", .model = "Nehalem"}};
    g_autoptr(cpulift_plan) all = compute(hosts, 3);
    g_autoptr(explain) self = new_explain(all);
    feature_set gain;
    assert_int_equal(explain_compute_gain(self, "old", &gain), 0);
    assert_true(feature_set_is_empty(&gain));
}

/// AMD's emulated arch-capabilities are no gain, also beside a host that does not say its vendor.
static void test_gain_keeps_policy(void **state)
{
    (void)state;
    struct pool_host hosts[] = {
        {.name = "a", .model = "EPYC", .more = "arch-capabilities", .usable = "486"},
        {.name = "b", .model = "EPYC", .vendor = "", .usable = "486"}};
    g_autoptr(cpulift_plan) plan = compute(hosts, 2);
    g_autoptr(explain) self = new_explain(plan);
    feature_set gain;
    assert_int_equal(explain_compute_gain(self, "b", &gain), 0);
    assert_true(feature_set_is_empty(&gain));
}

static int compute_cost(const cpulift_plan *plan, const struct pool_host *host, feature_set *cost,
                        cpulift_error **err)
{
    g_autofree char *text = pool_format_host(host);
    g_autoptr(cpulift_host) parsed = NULL;
    assert_int_equal(host_parse(text, strlen(text), "new", support_get_catalog(), &parsed, err), 0);
    g_autoptr(explain) self = new_explain(plan);
    return explain_compute_cost(self, plan, parsed, cost, err);
}

static void test_cost(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "a", .model = "Haswell-noTSX"},
                                {.name = "y", .model = "Nehalem", .stuck = "sse4.2"}};
    g_autoptr(cpulift_plan) plan = compute(hosts, 1);
    g_autoptr(cpulift_plan) both = compute(hosts, 2);
    feature_set cost;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(compute_cost(plan, &hosts[1], &cost, &err), 0);
    feature_set expected = feature_set_subtract(pool_get_planned(plan), pool_get_planned(both));
    assert_true(feature_set_equal(&cost, &expected));
}

static void test_cost_refused(void **state)
{
    (void)state;
    struct pool_host host = {.name = "a", .model = "Haswell-noTSX"};
    g_autoptr(cpulift_plan) plan = compute(&host, 1);
    feature_set cost;
    g_autoptr(cpulift_error) err = NULL;
    struct pool_host amd = {.name = "amd", .model = "EPYC"};
    assert_int_equal(compute_cost(plan, &amd, &cost, &err), CPULIFT_EREFUSED);
    cpulift_error_clear(&err);
    struct pool_host tcg = {.name = "tcg", .model = "Nehalem", .virt = "qemu"};
    assert_int_equal(compute_cost(plan, &tcg, &cost, &err), CPULIFT_EINPUT);
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
        cmocka_unit_test(test_gain_keeps_policy),
        cmocka_unit_test(test_no_gain_while_a_poor_twin_stays),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_cost_refused),
        cmocka_unit_test(test_variant),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
