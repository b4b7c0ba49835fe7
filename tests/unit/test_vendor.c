// SPDX-License-Identifier: LGPL-2.1-or-later
/// What plans make of the vendors of their hosts, and of documents with next to nothing in them.
#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define ANY "486 Nehalem kvm64 qemu64"

static void expect_refusal(const struct pool_host *hosts, size_t count, const char *word)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_plan) plan = pool_plan(hosts, count, NULL, &err);
    assert_null(plan);
    assert_int_equal(err->code, CPULIFT_EREFUSED);
    assert_non_null(strstr(err->message, word));
}

/// Trap 21.
static void test_mixed(void **state)
{
    (void)state;
    const struct pool_host hosts[] = {{.name = "a", .model = "EPYC", .usable = ANY},
                                      {.name = "i", .model = "Haswell", .usable = ANY}};
    expect_refusal(hosts, 2, "AMD");
    const struct planner_options options = {.policy.is_mixed_vendor_allowed = true};
    g_autoptr(cpulift_plan) plan = pool_plan(hosts, 2, &options, NULL);
    assert_null(catalog_find_model(support_get_catalog(), plan->cpu->model)->vendor);
    assert_null(plan->cpu->vendor);
    assert_non_null(pool_get_warning(plan, "mixed-vendor"));
}

/// A host that does not say its vendor may be of any; of TCG's guests it is no matter.
static void test_unsaid(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "a", .model = "Haswell", .vendor = "", .usable = ANY},
                                {.name = "i", .model = "Haswell", .usable = ANY},
                                {.name = "n", .model = "Nehalem", .vendor = "", .usable = ANY}};
    expect_refusal(hosts, 2, "host 'a' is of a vendor that its document does not say");
    const struct pool_host unsaid[] = {hosts[0], hosts[2]};
    expect_refusal(unsaid, 2, "'n'");
    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
        hosts[i].virt = "qemu";
    }
    g_autoptr(cpulift_plan) plan = pool_plan(hosts, 3, NULL, NULL);
    assert_non_null(plan);
}

/// libvirt could not start a guest that asks for a vendor that it does not know.
static void test_not_written(void **state)
{
    (void)state;
    const char *vendors[] = {"", "Zhaoxin"};
    for (size_t i = 0; i < G_N_ELEMENTS(vendors); i++) {
        const struct pool_host host = {
            .name = "a", .model = "Haswell", .vendor = vendors[i], .usable = ANY};
        g_autoptr(cpulift_plan) plan = pool_plan(&host, 1, NULL, NULL);
        assert_null(plan->cpu->vendor);
        assert_non_null(strstr(pool_get_warning(plan, "vendor"), vendors[i]));
    }
}

/// A document that lists next to nothing is more likely wrong than a host so poor.
static void test_next_to_nothing(void **state)
{
    (void)state;
    const struct pool_host hosts[] = {
        {.name = "a", .model = "486", .vendor = "Intel", .usable = ANY},
        {.name = "b", .model = "Nehalem", .usable = ANY}};
    g_autoptr(cpulift_plan) poor = pool_plan(hosts, 2, NULL, NULL);
    assert_non_null(strstr(pool_get_warning(poor, "level"), "none will boot"));
    g_autoptr(cpulift_plan) good = pool_plan(hosts + 1, 1, NULL, NULL);
    assert_null(pool_get_warning(good, "level"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_unsaid),
        cmocka_unit_test(test_not_written),
        cmocka_unit_test(test_next_to_nothing),
    };
    return cmocka_run_group_tests_name("vendor", tests, NULL, NULL);
}
