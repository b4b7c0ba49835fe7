// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is called a lost mitigation, by the warning and by the refusal alike.
#include "core/mitigation.h"

#include "../lib/skip.h"
#include "base/json.h"
#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define PATCHED "spec-ctrl stibp ssbd md-clear"
#define IMMUNE                                                                                     \
    "arch-capabilities rdctl-no mds-no taa-no ssb-no pschange-mc-no ibrs-all skip-l1dfl-vmentry"

/// The warnings of mitigations and hazards, a line each. The caller frees it.
static char *join_warnings(const cpulift_plan *plan)
{
    GString *text = g_string_new(NULL);
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(plan->document, "warnings"), i, item) {
        const char *code = json_get_string(item, "code");
        if (strcmp(code, "mitigation") == 0 || strcmp(code, "hazard") == 0) {
            g_string_append_printf(text, "%s\n", json_get_string(item, "text"));
        }
    }
    return g_string_free(text, FALSE);
}

/// Plans the hosts with and without --require-mitigations: both say a loss, or none does. The
/// warnings (or "") are the caller's, as is the refusal.
static char *judge(inventory *inv, const struct planner_options *options, char **ret_refusal)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_plan) plan = NULL, required = NULL;
    struct planner_options strict = *options;
    strict.policy.is_mitigations_required = true;
    if (planner_compute(inv, options, &plan, &err) != 0) {
        fail_msg("%s", err->message);
    }
    char *warnings = join_warnings(plan);
    int rc = planner_compute(inv, &strict, &required, &err);
    assert_int_equal(rc, *warnings != '\0' ? CPULIFT_EREFUSED : 0);
    *ret_refusal = g_strdup(rc != 0 ? err->message : "");
    return warnings;
}

struct judgement {
    struct pool_host hosts[3];
    const char *said[4];   ///< in the warnings and in the refusal
    const char *silent[4]; ///< in neither
};

static const struct judgement judgements[] = {
    // Two patched generations: what the newer silicon says of itself, and KVM's other names.
    {{{.name = "old", .model = "Skylake-Server-noTSX-IBRS", .more = PATCHED},
      {.name = "new",
       .model = "Cascadelake-Server-noTSX",
       .more = PATCHED " " IMMUNE " amd-ssbd amd-stibp ibpb"}},
     {NULL},
     {"mitigation"}},
    // Another name for a switch whose own name no host has is a switch.
    {{{.name = "a", .model = "Nehalem", .more = "amd-ssbd"}, {.name = "b", .model = "Nehalem"}},
     {"amd-ssbd"},
     {NULL}},
    // What KVM makes up on AMD, and Intel's names of AMD's switches.
    {{{.name = "a", .model = "EPYC", .more = IMMUNE " spec-ctrl stibp ssbd amd-ssbd ibpb"},
      {.name = "b", .model = "EPYC", .more = "amd-ssbd ibpb"}},
     {"stibp"},
     {"arch-capabilities", "-no", "spec-ctrl", " ssbd"}},
    // All that is lost is named at once, with every host.
    {{{.name = "a", .model = "Nehalem", .more = PATCHED},
      {.name = "b", .model = "Nehalem", .more = "spec-ctrl"},
      {.name = "c", .model = "Nehalem"}},
     {"md-clear, ssbd, stibp", "spec-ctrl", "2019-05", "2018-03"},
     {NULL}},
    // The name decides, whether the map has it or not.
    {{{.name = "a", .model = "EPYC-Rome", .unknown = "auto-ibrs gds-no warp-drive"},
      {.name = "b", .model = "EPYC-Rome"}},
     {"auto-ibrs", "b"},
     {"gds-no", "warp-drive"}},
    {{{.name = "a", .model = "EPYC-Rome", .unknown = "auto-ibrs"},
      {.name = "b", .model = "EPYC-Rome", .unknown = "auto-ibrs"}},
     {"auto-ibrs", "CPULIFT_CPU_MAP"},
     {NULL}},
    // A hazard: the host that has it is named, not the sound one.
    {{{.name = "with", .model = "Skylake-Client-noTSX-IBRS", .more = "arch-capabilities rsba"},
      {.name = "sound", .model = "Skylake-Client-noTSX-IBRS", .more = "arch-capabilities"}},
     {"rsba", "with"},
     {"sound"}},
    {{{.name = "a", .model = "Skylake-Client-noTSX-IBRS", .more = "arch-capabilities rsba"},
      {.name = "b", .model = "Skylake-Client-noTSX-IBRS", .more = "arch-capabilities rsba"}},
     {NULL},
     {"rsba"}},
    {{{.name = "a", .model = "Nehalem", .unknown = "rrsba"},
      {.name = "b", .model = "Nehalem", .unknown = "rrsba"}},
     {"rrsba", "CPULIFT_CPU_MAP"},
     {NULL}},
    // Zen 1 switches SSBD by LS_CFG, which KVM shows as virt-ssbd; from Zen 2 on it is amd-ssbd.
    {{{.name = "zen1", .model = "EPYC", .more = "virt-ssbd", .kernel = "4.15", .qemu = "2.12"},
      {.name = "zen2", .model = "EPYC", .more = "amd-ssbd"}},
     {"no update gives amd-ssbd there: KVM gives guests of these CPUs virt-ssbd instead",
      "no update gives virt-ssbd there"},
     {"update kernel", "update QEMU", "microcode"}},
    {{{.name = "a", .model = "EPYC", .more = "virt-ssbd"},
      {.name = "b", .model = "EPYC", .kernel = "4.15", .qemu = "7.2.0"}},
     {"update kernel (4.17 or newer)"},
     {"microcode", "QEMU (", "no update"}},
    // Only what may be too old is to be updated.
    {{{.name = "a", .model = "Nehalem", .more = "md-clear"},
      {.name = "b", .model = "Nehalem", .qemu = "7.2.22", .kernel = "6.1.0-18-amd64"}},
     {"update microcode (2019-05 or newer)"},
     {"kernel (", "QEMU ("}},
    {{{.name = "a", .model = "Nehalem", .unknown = "fb-clear"},
      {.name = "b",
       .model = "Nehalem",
       .more = "arch-capabilities mds-no",
       .qemu = "8.2.0",
       .kernel = "5.4"}},
     {"update QEMU (10.2 or newer)"},
     {"microcode", "kernel ("}},
};

static void test_judgements(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(judgements); i++) {
        const struct judgement *judgement = &judgements[i];
        size_t count = judgement->hosts[2].name != NULL ? 3 : 2;
        const struct planner_options options = {0};
        g_autoptr(inventory) inv = pool_new(judgement->hosts, count);
        g_autofree char *refusal = NULL;
        g_autofree char *warnings = judge(inv, &options, &refusal);
        for (const char *const *said = judgement->said; *said != NULL; said++) {
            if (strstr(warnings, *said) == NULL || strstr(refusal, *said) == NULL) {
                fail_msg("case %zu: '%s' in: %s%s", i, *said, warnings, refusal);
            }
        }
        for (size_t s = 0; s < 4 && judgement->silent[s] != NULL; s++) {
            if (strstr(warnings, judgement->silent[s]) != NULL ||
                strstr(refusal, judgement->silent[s]) != NULL) {
                fail_msg("case %zu: '%s' in: %s%s", i, judgement->silent[s], warnings, refusal);
            }
        }
    }
}

/// The refusal names every host at once, each with what it lacks and what heals it.
static void test_all_hosts(void **state)
{
    (void)state;
    static const struct pool_host hosts[] = {
        {.name = "rich", .model = "Nehalem", .more = PATCHED},
        {.name = "b", .model = "Nehalem", .more = "spec-ctrl stibp ssbd"},
        {.name = "c", .model = "Nehalem", .more = "spec-ctrl stibp ssbd"},
        {.name = "d", .model = "Nehalem", .more = "md-clear spec-ctrl stibp"},
    };
    const struct planner_options options = {0};
    g_autoptr(inventory) inv = pool_new(hosts, G_N_ELEMENTS(hosts));
    g_autofree char *refusal = NULL;
    g_autofree char *warnings = judge(inv, &options, &refusal);
    assert_string_not_equal(warnings, "");
    assert_non_null(strstr(refusal, "md-clear (not given by hosts 'b', 'c': update microcode "
                                    "(2019-05 or newer), kernel (5.2 or newer)"));
    assert_non_null(strstr(refusal, "ssbd (not given by host 'd': update microcode (2018-07"));
    assert_null(strstr(refusal, "rich"));
}

/// A hazard that every host has stands in the definition.
static void test_hazard_is_shown(void **state)
{
    (void)state;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_plan) plan = pool_plan(judgements[7].hosts, 2, NULL, &err);
    assert_int_equal(pool_get_policy(plan, "rsba"), CPU_REQUIRE);
}

/// What policy takes away counts, directly and through what it carries.
static void test_denied(void **state)
{
    (void)state;
    static const char *const denied[] = {"ssbd", "rsba"};
    const struct pool_host host = {
        .name = "a", .model = "Nehalem", .more = "ssbd md-clear arch-capabilities rsba"};
    for (size_t i = 0; i < G_N_ELEMENTS(denied); i++) {
        struct planner_options options = {0};
        g_autoptr(inventory) inv = pool_new(&host, 1);
        g_autofree char *refusal = NULL;
        assert_int_equal(policy_deny(&options.policy, support_get_catalog(), denied[i], NULL), 0);
        g_autofree char *warnings = judge(inv, &options, &refusal);
        assert_non_null(strstr(warnings, denied[i]));
    }
    struct planner_options options = {0};
    g_autoptr(inventory) inv = pool_new(&host, 1);
    g_autofree char *refusal = NULL;
    assert_int_equal(policy_deny(&options.policy, support_get_catalog(), "arch-capabilities", NULL),
                     0);
    // Two that no kind costs are told together.
    assert_int_equal(policy_deny(&options.policy, support_get_catalog(), "ssbd", NULL), 0);
    assert_int_equal(policy_deny(&options.policy, support_get_catalog(), "md-clear", NULL), 0);
    g_autofree char *warnings = judge(inv, &options, &refusal);
    assert_non_null(strstr(warnings, "rsba"));
    assert_non_null(strstr(warnings, "md-clear, ssbd"));
}

/// A name that the installed map lacks is planned where every host's libvirt knows it.
static void test_newer_names(void **state)
{
    (void)state;
    static const struct pool_host hosts[] = {
        {.name = "a", .model = "EPYC-Rome", .unknown = "auto-ibrs fzrm", .libvirt = "11.3.0"},
        {.name = "b", .model = "EPYC-Rome", .unknown = "auto-ibrs", .libvirt = "12.0.0"},
        {.name = "old", .model = "EPYC-Rome", .unknown = "auto-ibrs", .libvirt = "9.0.0"},
    };
    g_autoptr(cpulift_plan) both = pool_plan(hosts, 2, NULL, NULL);
    g_autoptr(cpulift_plan) all = pool_plan(hosts, 3, NULL, NULL);
    assert_int_equal(pool_get_policy(both, "auto-ibrs"), CPU_REQUIRE);
    assert_int_equal(pool_get_policy(both, "fzrm"), -1);
    assert_null(pool_get_warning(both, "mitigation"));
    if (catalog_find_installed(support_get_catalog(), "auto-ibrs") < 0) {
        assert_int_equal(pool_get_policy(all, "auto-ibrs"), -1);
        assert_true(g_str_has_prefix(pool_get_warning(all, "mitigation"), "old"));
        assert_non_null(
            strstr(pool_get_warning(all, "mitigation"), "; update libvirt (11.3.0 or newer)"));
        assert_null(pool_get_reason(all, "auto-ibrs")); // lost, by one host, told once
    }
}

/// Warning and refusal agree for every pair of the recorded machines, and no AMD pool hears of what
/// only Intel's silicon has.
static void test_recorded(void **state)
{
    (void)state;
    g_autoptr(GPtrArray) machines = pool_load_machines();
    if (machines == NULL) {
        SKIP("the recorded machines are absent");
    }
    for (size_t a = 0; a < machines->len; a++) {
        for (size_t b = a + 1; b < machines->len; b++) {
            const struct pool_machine *ma = machines->pdata[a], *mb = machines->pdata[b];
            if (g_strcmp0(ma->vendor, mb->vendor) != 0) {
                continue;
            }
            const struct planner_options options = {0};
            g_autoptr(inventory) inv = inventory_new(support_get_catalog());
            assert_int_equal(inventory_add_text(inv, ma->document, strlen(ma->document), "a", NULL),
                             0);
            assert_int_equal(inventory_add_text(inv, mb->document, strlen(mb->document), "b", NULL),
                             0);
            inventory_sort(inv);
            g_autofree char *refusal = NULL;
            g_autofree char *warnings = judge(inv, &options, &refusal);
            bool is_intel = strcmp(ma->vendor, "Intel") == 0;
            assert_null(strstr(warnings, "-no;"));
            assert_null(strstr(warnings, "-no,"));
            assert_true(is_intel || (strstr(warnings, "arch-capabilities") == NULL &&
                                     strstr(warnings, "md-clear") == NULL));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judgements),      cmocka_unit_test(test_all_hosts),
        cmocka_unit_test(test_hazard_is_shown), cmocka_unit_test(test_denied),
        cmocka_unit_test(test_newer_names),     cmocka_unit_test(test_recorded),
    };
    return cmocka_run_group_tests_name("mitigation", tests, NULL, NULL);
}
