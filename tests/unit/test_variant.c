// SPDX-License-Identifier: LGPL-2.1-or-later
/// Definitions for comparison: an untuned platform's, the 2014 paper's before and after.
#include "core/machine.h"
#include "core/planner.h"
#include "core/variant.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static cpulift_plan *compute(const char *name, const char *virt)
{
    const struct planner_options options = {.virt = virt, .machine = "q35"};
    g_autoptr(cpulift_error) err = NULL;
    cpulift_plan *plan = NULL;
    if (planner_compute_variant(name, &options, support_get_catalog(), &plan, &err) != 0) {
        fail_msg("%s: %s", name, err->message);
    }
    return plan;
}

static void test_definitions(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) plain = compute("default", "qemu"), paper = compute("paper", "qemu");
    g_autoptr(cpulift_plan) before = compute("paper-default", "qemu");
    assert_string_equal(plain->cpu->model, "qemu64");
    assert_string_equal(plain->machine, "q35");
    assert_string_equal(paper->cpu->fallback, "allow");
    assert_int_equal(cpu_find_feature(paper->cpu, "sse4.2")->policy, CPU_OPTIONAL);
    assert_string_equal(before->cpu->model, "cpu64-rhel6");
    assert_int_equal(cpu_find_feature(before->cpu, "sep")->policy, CPU_DISABLE);
}

/// The flags of the default guest as the 2014 paper lists them, whatever the virt type adds; less
/// rep_good, which is the kernel's own.
static void test_paper_default(void **state)
{
    (void)state;
    static const char flags[] = "apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lm mca mce mmx "
                                "msr mtrr nx pae pge pni pse pse36 sse sse2 syscall tsc";
    for (size_t i = 0; machine_virts[i] != NULL; i++) {
        g_autoptr(cpulift_plan) plan = compute("paper-default", machine_virts[i]);
        g_autofree char *names = g_strjoinv(" ", plan->features);
        assert_string_equal(names, flags);
    }
}

/// A row is found by either word; a plan has its name. Options have the words of the table.
static void test_names(void **state)
{
    (void)state;
    g_auto(GStrv) names = g_strsplit(VARIANT_NAMES, "|", -1);
    g_auto(GStrv) words = g_strsplit(VARIANT_WORDS, "|", -1);
    size_t count = 0;
    const struct variant *variants = variant_get_all(&count);
    assert_int_equal(g_strv_length(names), count);
    assert_int_equal(g_strv_length(words), count);
    for (size_t i = 0; i < count; i++) {
        assert_true(g_strv_contains((const char *const *)names, variants[i].name));
        assert_true(g_strv_contains((const char *const *)words, variants[i].word));
        assert_ptr_equal(variant_find(variants[i].name), &variants[i]);
        assert_ptr_equal(variant_find(variants[i].word), &variants[i]);
        g_autoptr(cpulift_plan) plan = compute(variants[i].word, "kvm");
        assert_string_equal(plan->variant, variants[i].name);
    }
    assert_null(variant_find("tuned"));
}

static void test_unknown(void **state)
{
    (void)state;
    const struct planner_options options = {0};
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(planner_compute_variant("other", &options, support_get_catalog(), &plan, &err),
                     CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "'other'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_paper_default),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests_name("variant", tests, NULL, NULL);
}
