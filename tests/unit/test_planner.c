// SPDX-License-Identifier: LGPL-2.1-or-later
/// The traps and promises of planning, one by one.
#include "base/json.h"
#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define ANY "486 Nehalem kvm64 qemu64"

static cpulift_plan *plan_with(const struct pool_host *hosts, size_t count,
                               const struct planner_options *options)
{
    g_autoptr(cpulift_error) err = NULL;
    cpulift_plan *plan = pool_plan(hosts, count, options, &err);
    if (plan == NULL) {
        fail_msg("%s", err->message);
    }
    return plan;
}

#define PLAN(...)                                                                                  \
    plan_with((const struct pool_host[]){__VA_ARGS__},                                             \
              sizeof((const struct pool_host[]){__VA_ARGS__}) / sizeof(struct pool_host), NULL)

/// Expects that these hosts are refused with this code and with this word in the message.
static void expect_refusal(const struct pool_host *hosts, size_t count,
                           const struct planner_options *options, int code, const char *word)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_plan) plan = pool_plan(hosts, count, options, &err);
    assert_null(plan);
    assert_int_equal(err->code, code);
    if (strstr(err->message, word) == NULL) {
        fail_msg("'%s' lacks '%s'", err->message, word);
    }
}

static bool has(const cpulift_plan *plan, const char *feature)
{
    return g_strv_contains((const char *const *)plan->features, feature);
}

/// Trap 2: the model does not depend on the order, with ties among the models.
static void test_trap2_order(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "a", .model = "Haswell-IBRS"},
                                {.name = "b", .model = "Broadwell-noTSX-IBRS"},
                                {.name = "c", .model = "Skylake-Client-IBRS"}};
    g_autoptr(cpulift_plan) first = plan_with(hosts, 3, NULL);
    struct pool_host other[] = {hosts[2], hosts[0], hosts[1]};
    g_autoptr(cpulift_plan) second = plan_with(other, 3, NULL);
    assert_true(json_equal(first->document, second->document));
    // Of the pool's generations the one whose guests know of all that any of the hosts has.
    assert_string_equal(first->cpu->model, "Skylake-Client-noTSX-IBRS");
}

/// Traps 3 and 4: a host that is described by differences from a model counts with all of them, and
/// what QEMU's idea of the model adds is disabled where a host lacks it.
static void test_trap4_model_ideas(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) plan = PLAN(
        {.name = "a", .model = "Haswell-noTSX", .less = "xsaveopt", .usable = "Haswell-noTSX"});
    assert_string_equal(plan->cpu->model, "Haswell-noTSX");
    assert_int_equal(pool_get_policy(plan, "xsaveopt"), CPU_DISABLE);
    assert_int_equal(pool_get_policy(plan, "abm"), CPU_REQUIRE);
    assert_int_equal(pool_get_policy(plan, "avx2"), CPU_REQUIRE);
    assert_string_equal(plan->cpu->check, "full");
    assert_string_equal(plan->cpu->match, "exact");
    assert_string_equal(plan->cpu->mode, "custom");
}

/// Trap 5: spellings meet; what this catalogue does not know stands in the plan.
static void test_trap5_names(void **state)
{
    (void)state;
    static const char document[] =
        "{\"schema\":\"cpulift.host/1\",\"name\":\"a\",\"arch\":\"x86_64\",\"guests\":[{\"virt\":"
        "\"kvm\",\"machine\":\"pc\",\"usable_models\":[\"486\"],\"features\":[\"fpu\",\"fxsr\","
        "\"sse\",\"sse2\",\"sse3\",\"lzcnt\",\"sse4_1\",\"ssse3\",\"warp-drive\"]}]}";
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(inventory_add_text(inv, document, strlen(document), "a", &err), 0);
    inventory_sort(inv);
    const struct planner_options options = {0};
    g_autoptr(cpulift_plan) plan = NULL;
    assert_int_equal(planner_compute(inv, &options, &plan, &err), 0);
    assert_true(has(plan, "pni") && has(plan, "abm") && has(plan, "sse4.1"));
    assert_false(has(plan, "sse3") || has(plan, "warp-drive"));
    assert_string_equal(pool_get_reason(plan, "warp-drive"), "unknown");
}

/// Trap 6: a name that one libvirt of the pool does not know is not used.
static void test_trap6_oldest_libvirt(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) newer = PLAN({.name = "a", .model = "Skylake-Client-IBRS"},
                                         {.name = "b", .model = "Skylake-Client-IBRS"});
    // TSX is left out, so the model without it differs least.
    assert_string_equal(newer->cpu->model, "Skylake-Client-noTSX-IBRS");
    g_autoptr(cpulift_plan) older =
        PLAN({.name = "a", .model = "Skylake-Client-IBRS"},
             {.name = "b", .model = "Skylake-Client-IBRS", .known = "Broadwell-noTSX Nehalem"});
    assert_string_equal(older->cpu->model, "Broadwell-noTSX");
    assert_true(has(older, "xsavec"));
}

/// Trap 7.
static void test_trap7_tsx(void **state)
{
    (void)state;
    struct pool_host host = {.name = "a", .model = "Haswell"};
    g_autoptr(cpulift_plan) plan = plan_with(&host, 1, NULL);
    assert_false(has(plan, "hle") || has(plan, "rtm"));
    assert_string_equal(pool_get_reason(plan, "rtm"), "tsx");
    assert_int_not_equal(pool_get_policy(plan, "rtm"), CPU_REQUIRE);
    struct planner_options options = {0};
    assert_int_equal(policy_allow(&options.policy, support_get_catalog(), "tsx", NULL), 0);
    g_autoptr(cpulift_plan) allowed = plan_with(&host, 1, &options);
    assert_true(has(allowed, "hle") && has(allowed, "rtm"));
}

/// Trap 8: the map's word and any host's word.
static void test_trap8_not_migratable(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) plan =
        PLAN({.name = "a", .model = "Nehalem", .more = "invtsc", .stuck = "sse4.2"},
             {.name = "b", .model = "Nehalem", .more = "invtsc"});
    assert_string_equal(pool_get_reason(plan, "invtsc"), "not-migratable");
    assert_string_equal(pool_get_reason(plan, "sse4.2"), "not-migratable");
    assert_int_equal(pool_get_policy(plan, "sse4.2"), CPU_DISABLE);
}

/// Trap 9, and promise 3.
static void test_trap9_explicit(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) plan =
        PLAN({.name = "a", .model = "Skylake-Server", .less = "avx512f"});
    assert_string_equal(plan->cpu->fallback, "forbid");
    for (size_t i = 0; i < plan->cpu->feature_count; i++) {
        enum cpu_policy policy = plan->cpu->features[i].policy;
        assert_true(policy == CPU_REQUIRE || policy == CPU_DISABLE);
    }
    for (size_t i = 0; i < plan->feature_count; i++) {
        assert_int_equal(pool_get_policy(plan, plan->features[i]), CPU_REQUIRE);
    }
}

/// Trap 10: what hangs in the air is pruned, with what hangs on it.
static void test_trap10_dependencies(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) plan =
        PLAN({.name = "a", .model = "Skylake-Server", .less = "xsave", .usable = "Nehalem"});
    static const char *const hanging[] = {"avx", "avx2", "avx512f", "fma", "f16c", "xsaveopt"};
    for (size_t i = 0; i < G_N_ELEMENTS(hanging); i++) {
        assert_false(has(plan, hanging[i]));
        assert_string_equal(pool_get_reason(plan, hanging[i]), "dependency");
        assert_int_not_equal(pool_get_policy(plan, hanging[i]), CPU_REQUIRE);
    }
    assert_true(has(plan, "sse4.2") && has(plan, "aes"));
    g_autoptr(cpulift_plan) denied = NULL;
    struct planner_options options = {0};
    assert_int_equal(policy_deny(&options.policy, support_get_catalog(), "avx", NULL), 0);
    struct pool_host host = {.name = "a", .model = "Haswell-noTSX"};
    denied = plan_with(&host, 1, &options);
    assert_string_equal(pool_get_reason(denied, "avx"), "denied");
    assert_string_equal(pool_get_reason(denied, "avx2"), "dependency");
}

/// Trap 11: the smallest width, stated where every libvirt can, else a warning; nothing of KVM's
/// widths concerns QEMU alone.
static void test_trap11_width(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) stated =
        PLAN({.name = "a", .model = "Nehalem", .phys_bits = 46, .libvirt = "9.0.0"},
             {.name = "b", .model = "Nehalem", .phys_bits = 39, .libvirt = "8.7.0"});
    assert_int_equal(stated->phys_bits, 39);
    assert_int_equal(stated->cpu->phys_bits, 39);
    assert_non_null(pool_get_warning(stated, "phys-bits"));
    g_autoptr(cpulift_plan) old =
        PLAN({.name = "a", .model = "Nehalem", .phys_bits = 46, .libvirt = "9.0.0"},
             {.name = "b", .model = "Nehalem", .phys_bits = 39, .libvirt = "8.6.0"});
    assert_int_equal(old->cpu->phys_bits, 0);
    assert_non_null(strstr(pool_get_warning(old, "phys-bits"), "b: libvirt is older than 8.7"));
    assert_non_null(strstr(pool_get_warning(old, "phys-bits"), "the smallest of the hosts'"));
    // Known, alike on all hosts or on the only one, and yet not what guests get.
    g_autoptr(cpulift_plan) alone = PLAN({.name = "a", .model = "Nehalem", .phys_bits = 39});
    assert_int_equal(alone->cpu->phys_bits, 0);
    assert_non_null(
        strstr(pool_get_warning(alone, "phys-bits"), "physical-address width (39 bits)"));
    assert_int_equal(plan_get_width(alone), 39);
    g_autofree char *sentence = plan_describe_width(alone);
    assert_non_null(strstr(sentence, "39 bits"));
    g_autoptr(cpulift_plan) same =
        PLAN({.name = "a", .model = "Nehalem", .phys_bits = 39, .libvirt = "9.0.0"});
    assert_null(pool_get_warning(same, "phys-bits"));
    assert_null(plan_describe_width(same));
    g_autoptr(cpulift_plan) unknown =
        PLAN({.name = "a", .model = "Nehalem", .phys_bits = 46, .libvirt = "9.0.0"},
             {.name = "b", .model = "Nehalem", .libvirt = "9.0.0"});
    assert_int_equal(unknown->cpu->phys_bits, 0);
    assert_non_null(strstr(pool_get_warning(unknown, "phys-bits"), "b: the width"));
    assert_non_null(strstr(pool_get_warning(unknown, "phys-bits"), "is not known"));
    g_autoptr(cpulift_plan) nowhere =
        PLAN({.name = "a", .model = "Nehalem"}, {.name = "b", .model = "Nehalem"});
    assert_non_null(strstr(pool_get_warning(nowhere, "phys-bits"), "a, b"));
    g_autoptr(cpulift_plan) emulated =
        PLAN({.name = "a", .model = "Nehalem", .virt = "qemu", .phys_bits = 46},
             {.name = "b", .model = "Nehalem", .virt = "qemu", .phys_bits = 39});
    assert_null(strstr(pool_get_warning(emulated, "phys-bits"), "8.7"));
    assert_int_equal(plan_get_width(emulated), 0);
}

/// Trap 12: large state and permissions only on request.
static void test_trap12_opt_in(void **state)
{
    (void)state;
    struct pool_host host = {.name = "a", .model = "Nehalem", .more = "mpx xsave"};
    g_autoptr(cpulift_plan) plan = plan_with(&host, 1, NULL);
    assert_string_equal(pool_get_reason(plan, "mpx"), "opt-in");
    struct planner_options options = {0};
    assert_int_equal(policy_allow(&options.policy, support_get_catalog(), "mpx", NULL), 0);
    g_autoptr(cpulift_plan) allowed = plan_with(&host, 1, &options);
    assert_true(has(allowed, "mpx"));
}

/// Trap 13 and promise 5.
static void test_trap13_mitigations(void **state)
{
    (void)state;
    struct pool_host hosts[] = {
        {.name = "patched", .model = "Nehalem", .more = "spec-ctrl ssbd md-clear"},
        {.name = "stale", .model = "Nehalem"}};
    g_autoptr(cpulift_plan) plan = plan_with(hosts, 2, NULL);
    assert_string_equal(
        pool_get_warning(plan, "mitigation"),
        "stale: guests lose the mitigations md-clear, spec-ctrl, ssbd; update "
        "microcode (2019-05 or newer), kernel (5.2 or newer) and QEMU (4.1 or newer)");
    struct planner_options options = {.policy.is_mitigations_required = true};
    expect_refusal(hosts, 2, &options, CPULIFT_EREFUSED, "stale");
    g_autoptr(cpulift_plan) whole = plan_with(hosts, 1, &options);
    assert_true(has(whole, "spec-ctrl") && has(whole, "ssbd"));
    assert_int_equal(policy_deny(&options.policy, support_get_catalog(), "ssbd", NULL), 0);
    expect_refusal(hosts, 1, &options, CPULIFT_EREFUSED, "policy leaves it out (denied)");
    hosts[0].stuck = "spec-ctrl";
    expect_refusal(hosts, 1, &options, CPULIFT_EREFUSED, "policy leaves it out (not-migratable)");
}

/// Trap 13: arch-capabilities is Intel's; a mixed pool must not get back what AMD's did not have.
static void test_trap13_arch_capabilities(void **state)
{
    (void)state;
    struct pool_host hosts[] = {
        {.name = "a", .model = "EPYC", .more = "arch-capabilities rdctl-no", .usable = ANY},
        {.name = "i", .model = "Nehalem", .more = "arch-capabilities rdctl-no", .usable = ANY}};
    g_autoptr(cpulift_plan) amd = plan_with(hosts, 1, NULL);
    assert_string_equal(pool_get_reason(amd, "arch-capabilities"), "emulated");
    assert_string_equal(pool_get_reason(amd, "rdctl-no"), "dependency");
    g_autoptr(cpulift_plan) intel = plan_with(hosts + 1, 1, NULL);
    assert_true(has(intel, "rdctl-no"));
    struct planner_options options = {.policy.is_mixed_vendor_allowed = true};
    g_autoptr(cpulift_plan) mixed = plan_with(hosts, 2, &options);
    assert_false(has(mixed, "arch-capabilities"));
}

/// Trap 14: KVM's own are stated, and switched off where a host does not give them.
static void test_trap14_hypervisor(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) plan = PLAN({.name = "a", .model = "Nehalem", .more = "tsc-deadline"});
    assert_int_equal(pool_get_policy(plan, "x2apic"), CPU_REQUIRE);
    assert_int_equal(pool_get_policy(plan, "hypervisor"), CPU_REQUIRE);
    assert_int_equal(pool_get_policy(plan, "tsc-deadline"), CPU_REQUIRE);
    g_autoptr(cpulift_plan) without = PLAN({.name = "a", .model = "Nehalem", .less = "x2apic"});
    assert_int_equal(pool_get_policy(without, "x2apic"), CPU_DISABLE);
}

/// Traps 14 and 15: nested virtualisation is off, and a model is none the worse for it.
static void test_trap15_nested(void **state)
{
    (void)state;
    struct pool_host host = {.name = "a", .model = "EPYC-Rome", .less = "npt nrip-save"};
    g_autoptr(cpulift_plan) plan = plan_with(&host, 1, NULL);
    assert_string_equal(plan->cpu->model, "EPYC-Rome");
    assert_int_equal(pool_get_policy(plan, "svm"), CPU_DISABLE);
    struct pool_host nested = {.name = "a", .model = "Nehalem", .more = "vmx"};
    g_autoptr(cpulift_plan) off = plan_with(&nested, 1, NULL);
    assert_string_equal(pool_get_reason(off, "vmx"), "nested");
    struct planner_options options = {0};
    assert_int_equal(policy_allow(&options.policy, support_get_catalog(), "nested", NULL), 0);
    g_autoptr(cpulift_plan) on = plan_with(&nested, 1, &options);
    assert_true(has(on, "vmx"));
}

/// Trap 16.
static void test_trap16_topoext(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) plan = PLAN({.name = "a", .model = "EPYC", .less = "topoext"});
    assert_int_equal(pool_get_policy(plan, "topoext"), CPU_DISABLE);
    g_autoptr(cpulift_plan) usable =
        PLAN({.name = "a", .model = "EPYC", .less = "topoext", .usable = "EPYC"});
    assert_int_equal(pool_get_policy(usable, "topoext"), CPU_REQUIRE);
    g_autoptr(cpulift_plan) tcg =
        PLAN({.name = "a", .model = "EPYC", .less = "topoext", .usable = "EPYC", .virt = "qemu"});
    assert_int_equal(pool_get_policy(tcg, "topoext"), CPU_DISABLE);
    g_autoptr(cpulift_plan) with = PLAN({.name = "a", .model = "EPYC"});
    assert_int_equal(pool_get_policy(with, "topoext"), CPU_REQUIRE);
}

/// Trap 17: what old models lack and every host has is given.
static void test_trap17_pcid(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) plan = PLAN({.name = "a", .model = "IvyBridge", .more = "pcid"},
                                        {.name = "b", .model = "Westmere", .more = "pcid invpcid"});
    assert_int_equal(pool_get_policy(plan, "pcid"), CPU_REQUIRE);
    assert_string_equal(plan->cpu->model, "Westmere");
}

/// Trap 18: removed features are never required for a model's sake, and do not come back.
static void test_trap18_removed(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        const struct catalog_model *model = catalog_get_model(map, i);
        if (feature_set_is_empty(&model->removed) || model->family == 0) {
            continue;
        }
        // Known nowhere else, so that the plan stands on this model.
        struct pool_host host = {.name = "a", .model = model->name, .known = model->name};
        feature_set features = feature_set_subtract(model->features, model->removed);
        g_autoptr(cpulift_plan) plan = plan_with(&host, 1, NULL);
        feature_set planned = pool_get_planned(plan);
        assert_false(feature_set_is_empty(&features));
        feature_set_foreach (id, &model->removed) {
            const char *name = catalog_get_feature(map, id)->name;
            assert_int_equal(pool_get_policy(plan, name),
                             feature_set_has(&planned, id) ? CPU_REQUIRE : CPU_DISABLE);
        }
    }
}

/// Trap 20: no plan without a host that was named.
static void test_trap20_unreachable(void **state)
{
    (void)state;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    inventory_add_without(inv, "ghost");
    g_autofree char *text = pool_format_host(&(struct pool_host){.name = "a", .model = "Nehalem"});
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(inventory_add_text(inv, text, strlen(text), "a", &err), 0);
    inventory_sort(inv);
    const struct planner_options options = {0};
    g_autoptr(cpulift_plan) plan = NULL;
    assert_int_equal(planner_compute(inv, &options, &plan, &err), CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "ghost"));
}

/// Trap 22.
static void test_trap22_virt(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "a", .model = "Nehalem"},
                                {.name = "b", .model = "Nehalem", .virt = "qemu"}};
    expect_refusal(hosts, 2, NULL, CPULIFT_EINPUT, "'b'");
    struct planner_options options = {.virt = "qemu"};
    expect_refusal(hosts, 2, &options, CPULIFT_EINPUT, "'a'");
    g_autoptr(cpulift_plan) plan = plan_with(hosts + 1, 1, NULL);
    assert_string_equal(plan->virt, "qemu");
    assert_null(plan->cpu->vendor);
    assert_int_equal(pool_get_policy(plan, "x2apic"), -1);
}

static void test_machine(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "a", .model = "Nehalem", .machine = "q35"},
                                {.name = "b", .model = "Nehalem", .machine = "q35"},
                                {.name = "c", .model = "Nehalem"}};
    g_autoptr(cpulift_plan) plan = plan_with(hosts, 2, NULL);
    assert_string_equal(plan->machine, "q35");
    expect_refusal(hosts, 3, NULL, CPULIFT_EINPUT, "machine type");
    struct planner_options options = {.machine = "microvm"};
    expect_refusal(hosts, 2, &options, CPULIFT_EUSAGE, "microvm");
    options.machine = "pc"; // known, and not said by these hosts
    expect_refusal(hosts, 2, &options, CPULIFT_EINPUT, "'pc'");
}

static void test_arch(void **state)
{
    (void)state;
    struct pool_host hosts[] = {{.name = "a", .model = "Nehalem"},
                                {.name = "arm", .model = "Nehalem", .arch = "aarch64"}};
    expect_refusal(hosts, 2, NULL, CPULIFT_EINPUT, "'arm' is of architecture 'aarch64'");
}

/// A pool of thousands of hosts is one kind; its losses name some and count all.
static void test_many_hosts(void **state)
{
    (void)state;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    g_autoptr(cpulift_error) err = NULL;
    for (size_t i = 0; i < 3000; i++) {
        g_autofree char *name = g_strdup_printf("host%zu", i);
        g_autofree char *text = pool_format_host(
            &(struct pool_host){.name = name, .model = i == 7 ? "Westmere" : "Nehalem"});
        assert_int_equal(inventory_add_text(inv, text, strlen(text), name, &err), 0);
    }
    inventory_sort(inv);
    assert_int_equal(inv->kinds->len, 2);
    const struct planner_options options = {0};
    g_autoptr(cpulift_plan) plan = NULL;
    assert_int_equal(planner_compute(inv, &options, &plan, &err), 0);
    const json_t *loss = json_array_get(json_object_get(plan->document, "losses"), 0);
    assert_int_equal(json_get_uint(loss, "host_count", 0), 2999);
    assert_int_equal(json_array_size(json_object_get(loss, "hosts")), 100);
    assert_string_equal(json_string_value(json_array_get(json_object_get(loss, "hosts"), 1)),
                        "host1");
}

static void test_empty(void **state)
{
    (void)state;
    expect_refusal(NULL, 0, NULL, CPULIFT_EINPUT, "no host is left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trap2_order),
        cmocka_unit_test(test_trap4_model_ideas),
        cmocka_unit_test(test_trap5_names),
        cmocka_unit_test(test_trap6_oldest_libvirt),
        cmocka_unit_test(test_trap7_tsx),
        cmocka_unit_test(test_trap8_not_migratable),
        cmocka_unit_test(test_trap9_explicit),
        cmocka_unit_test(test_trap10_dependencies),
        cmocka_unit_test(test_trap11_width),
        cmocka_unit_test(test_trap12_opt_in),
        cmocka_unit_test(test_trap13_mitigations),
        cmocka_unit_test(test_trap13_arch_capabilities),
        cmocka_unit_test(test_trap14_hypervisor),
        cmocka_unit_test(test_trap15_nested),
        cmocka_unit_test(test_trap16_topoext),
        cmocka_unit_test(test_trap17_pcid),
        cmocka_unit_test(test_trap18_removed),
        cmocka_unit_test(test_trap20_unreachable),
        cmocka_unit_test(test_trap22_virt),
        cmocka_unit_test(test_machine),
        cmocka_unit_test(test_arch),
        cmocka_unit_test(test_many_hosts),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests_name("planner", tests, NULL, NULL);
}
