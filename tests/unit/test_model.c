// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which named model a plan stands on.
#include "base/json.h"
#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static cpulift_plan *plan_of(const struct pool_host *hosts, size_t count)
{
    g_autoptr(cpulift_error) err = NULL;
    cpulift_plan *plan = pool_plan(hosts, count, NULL, &err);
    if (plan == NULL) {
        fail_msg("%s", err->message);
    }
    return plan;
}

#define PLAN(...)                                                                                  \
    plan_of((const struct pool_host[]){__VA_ARGS__},                                               \
            sizeof((const struct pool_host[]){__VA_ARGS__}) / sizeof(struct pool_host))

/// The family and model of a host, whatever of it must be disabled by name; among these the
/// fewest differences.
static void test_model_generation(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) unusable =
        PLAN({.name = "a", .model = "Haswell-noTSX", .less = "arat", .usable = "Westmere Nehalem"},
             {.name = "b", .model = "Haswell-noTSX", .usable = "Nehalem Westmere"});
    assert_string_equal(unusable->cpu->model, "Haswell-noTSX");
    assert_int_equal(pool_get_policy(unusable, "arat"), CPU_DISABLE);
    g_autoptr(cpulift_plan) nearest = PLAN({.name = "a", .model = "SandyBridge"});
    assert_string_equal(nearest->cpu->model, "SandyBridge");
    g_autoptr(cpulift_plan) amd = PLAN({.name = "a", .model = "EPYC-IBPB", .less = "rdtscp"});
    assert_string_equal(amd->cpu->model, "EPYC-IBPB");
    // A Zen that libvirt has no name for is of the nearest generation that it has.
    g_autoptr(cpulift_plan) unnamed =
        PLAN({.name = "a", .vendor = "AMD", .model = "EPYC-Rome", .less = "xsaves wbnoinvd"});
    assert_string_equal(unnamed->cpu->model, "EPYC-Rome");
    // QEMU shows Icelake-Server as a Tremont, which has other vulnerabilities.
    g_autoptr(cpulift_plan) wrong = PLAN({.name = "a", .model = "Icelake-Server-noTSX"});
    assert_string_equal(wrong->cpu->model, "Cascadelake-Server");
    assert_null(pool_get_warning(wrong, "hidden"));
}

/// The plan of a host that says this family of its CPU.
static cpulift_plan *plan_of_family(const struct pool_host *host, unsigned family)
{
    g_autofree char *line = pool_format_host(host);
    g_autoptr(json_t) json = json_loads(line, 0, NULL);
    json_t *cpu = json_object_get(json, "cpu");
    json_object_set_new(cpu, "family", json_integer(family));
    json_object_set_new(cpu, "model", json_integer(2));
    json_object_set_new(cpu, "stepping", json_integer(1));
    g_autofree char *text = json_format_line(json);
    const struct planner_options options = {0};
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    g_autoptr(cpulift_error) err = NULL;
    cpulift_plan *plan = NULL;
    if (inventory_add_text(inv, text, strlen(text), "host", &err) != 0 ||
        planner_compute(inv, &options, &plan, &err) != 0) {
        fail_msg("%s", err->message);
    }
    return plan;
}

/// A CPU newer than all names is of the newest older family, not of the one that it happens to have
/// the features of: here a Zen 5 of which little is given.
static void test_model_newer_than_all(void **state)
{
    (void)state;
    const struct pool_host host = {.name = "a", .model = "EPYC", .more = "avx512f"};
    g_autoptr(cpulift_plan) zen5 = plan_of_family(&host, 26), zen1 = plan_of_family(&host, 23);
    assert_string_equal(zen5->cpu->model, "EPYC-Milan");
    assert_string_equal(zen1->cpu->model, "EPYC");
}

static void test_model_known(void **state)
{
    (void)state;
    struct pool_host none[] = {{.name = "a", .model = "Nehalem", .known = "Westmere"},
                               {.name = "b", .model = "Nehalem", .known = "Nehalem"}};
    g_autoptr(cpulift_error) err = NULL;
    assert_null(pool_plan(none, 2, NULL, &err));
    assert_int_equal(err->code, CPULIFT_EREFUSED);
    assert_non_null(strstr(err->message, "no named CPU model"));
    g_autoptr(cpulift_plan) old = PLAN({.name = "a", .model = "Haswell"},
                                       {.name = "b", .model = "Haswell", .known = "Nehalem kvm64"});
    assert_string_equal(old->cpu->model, "Nehalem");
    assert_int_equal(pool_get_policy(old, "avx2"), CPU_REQUIRE);
}

/// Linux takes a Broadwell not to have retbleed: under that model a guest on the Skylake would not
/// protect itself.
static void test_model_hides(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) mixed = PLAN({.name = "a", .model = "Broadwell-noTSX-IBRS"},
                                         {.name = "b", .model = "Skylake-Server-noTSX-IBRS"});
    assert_string_equal(mixed->cpu->model, "Skylake-Server-noTSX-IBRS");
    assert_null(strstr(pool_get_warning(mixed, "hidden"), "retbleed"));
    g_autoptr(cpulift_plan) hiding =
        PLAN({.name = "a", .model = "Broadwell-noTSX-IBRS", .known = "Broadwell-noTSX-IBRS"},
             {.name = "b", .model = "Skylake-Server-noTSX-IBRS"});
    assert_string_equal(hiding->cpu->model, "Broadwell-noTSX-IBRS");
    assert_non_null(strstr(pool_get_warning(hiding, "hidden"), "b: "));
    g_autofree char *warnings = json_dumps(json_object_get(hiding->document, "warnings"), 0);
    const char *of_b = strstr(warnings, "b: their CPUs have ");
    assert_non_null(of_b);
    assert_non_null(strstr(of_b, "retbleed"));
}

/// Under KVM a guest sees the vendor of the host that it is on, so each host of a mixed pool is
/// judged by its own.
static void test_model_hides_mixed(void **state)
{
    (void)state;
    const struct pool_host hosts[] = {{.name = "amd", .model = "EPYC-IBPB"},
                                      {.name = "intel", .model = "Skylake-Server-noTSX-IBRS"},
                                      {.name = "silent", .model = "Nehalem", .vendor = ""}};
    const struct planner_options options = {.policy.is_mixed_vendor_allowed = true};
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_plan) plan = pool_plan(hosts, 3, &options, &err);
    assert_non_null(plan);
    assert_string_equal(plan->cpu->model, "kvm64");
    g_autofree char *choice = json_dumps(json_object_get(plan->document, "model_choice"), 0);
    assert_non_null(strstr(choice, "\"retbleed\", \"spec_rstack_overflow\""));
    g_autofree char *warnings = json_dumps(json_object_get(plan->document, "warnings"), 0);
    assert_non_null(strstr(warnings, "amd, intel: their CPUs have retbleed"));
    assert_non_null(strstr(warnings, "amd: their CPUs have spec_rstack_overflow"));
    assert_non_null(strstr(warnings, "silent: the CPU's vendor is not said"));
    assert_non_null(strstr(warnings, "what its model hides from guests there is not known"));
    assert_null(strstr(warnings, "silent: their CPUs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_generation),  cmocka_unit_test(test_model_newer_than_all),
        cmocka_unit_test(test_model_known),       cmocka_unit_test(test_model_hides),
        cmocka_unit_test(test_model_hides_mixed),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
