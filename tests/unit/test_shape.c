// SPDX-License-Identifier: LGPL-2.1-or-later
/// probe/shape, probe/wording: the guest that a domain's document asks for, and its definition.
#include "probe/wording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DOMAIN(inner) "<domain type='qemu'>" inner "</domain>"

static int parse(const char *text, probe_shape *ret_shape, cpulift_error **err)
{
    return shape_parse(text, strlen(text), "test", ret_shape, err);
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        probe_shape shape;
    } cases[] = {
        {DOMAIN(""), {1, 1, 1, 1, 1, 1, SHAPE_PMU_UNSAID, false}},
        {DOMAIN("<vcpu>4</vcpu>"), {4, 4, 4, 1, 1, 1, SHAPE_PMU_UNSAID, false}},
        {DOMAIN("<vcpu placement='static' current='1'> 2 </vcpu>"
                "<cpu><topology sockets='1' cores='2' threads='1'/></cpu>"),
         {1, 2, 1, 1, 2, 1, SHAPE_PMU_UNSAID, false}},
        {DOMAIN(
             "<vcpu>16</vcpu><features><acpi/><pmu/></features>"
             "<cpu mode='host-model'><topology sockets='2' dies='2' cores='2' threads='2'/></cpu>"),
         {16, 16, 2, 2, 2, 2, SHAPE_PMU_ON, false}},
        {DOMAIN("<features><pmu state='off'/></features><vcpu current='2'>1000</vcpu>"),
         {2, 1000, 1000, 1, 1, 1, SHAPE_PMU_OFF, false}},
        {"<domain xmlns:q='" DOMAIN_QEMU_NAMESPACE "'><q:commandline><q:arg value='-overcommit'/>"
         "<q:arg value='mem-lock=off,cpu-pm=on'/></q:commandline></domain>",
         {1, 1, 1, 1, 1, 1, SHAPE_PMU_UNSAID, true}},
        // libvirt reads the first <cpu>
        {DOMAIN("<vcpu>2</vcpu><cpu/><cpu><topology sockets='1' cores='2' threads='1'/></cpu>"),
         {2, 2, 2, 1, 1, 1, SHAPE_PMU_UNSAID, false}},
        {"<cpu/>", {2, 2, 1, 1, 2, 1, SHAPE_PMU_UNSAID, false}},
        {"<cpu><topology sockets='1' cores='1' threads='1'/></cpu>",
         {1, 1, 1, 1, 1, 1, SHAPE_PMU_UNSAID, false}},
        {"<cpu><topology sockets='2' cores='3' threads='2'/></cpu>",
         {12, 12, 2, 1, 3, 2, SHAPE_PMU_UNSAID, false}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        probe_shape shape;
        assert_int_equal(parse(cases[i].text, &shape, NULL), 0);
        assert_true(record_equal(&shape_record, &shape, &cases[i].shape, NULL));
    }
}

static const char *const hostile[] = {
    "",
    "<domain>",
    DOMAIN("<vcpu/>"),
    DOMAIN("<vcpu>0</vcpu>"),
    DOMAIN("<vcpu>-1</vcpu>"),
    DOMAIN("<vcpu>two</vcpu>"),
    DOMAIN("<vcpu>256</vcpu>"),
    DOMAIN("<vcpu>99999999999999999999</vcpu>"),
    DOMAIN("<vcpu current='0'>2</vcpu>"),
    DOMAIN("<vcpu current='1'>70000</vcpu>"),
    DOMAIN("<vcpu current='&#10;'>2</vcpu>"),
    DOMAIN("<cpu><topology sockets='0' cores='1' threads='1'/></cpu>"),
    DOMAIN("<cpu><topology sockets='1' cores='x' threads='1'/></cpu>"),
    DOMAIN("<cpu><topology sockets='1' dies='' cores='1' threads='1'/></cpu>"),
    DOMAIN("<cpu><topology sockets='1' cores='1' threads='4294967297'/></cpu>"),
    DOMAIN("<features><pmu state='maybe'/></features>"),
    "<domain xmlns:q='" DOMAIN_QEMU_NAMESPACE "'><q:commandline><q:arg value='-cpu'/>"
    "<q:arg value='qemu64'/></q:commandline></domain>",
    "<cpu><topology sockets='16' cores='16' threads='1'/></cpu>",
    "<cpu><topology sockets='255' cores='255' threads='255' dies='255'/></cpu>",
};

static void test_hostile(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++) {
        probe_shape shape = shape_default;
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(parse(hostile[i], &shape, &err), CPULIFT_EINPUT);
        assert_null(strchr(err->message, '\n'));
        assert_true(record_equal(&shape_record, &shape, &shape_default, NULL));
    }
}

/// `more`: further members of the document.
static cpulift_plan *make_plan(const char *vendor, const char *check, const char *more)
{
    g_autofree char *text = g_strdup_printf(
        "{\"schema\": \"%s\", \"pool\": \"p\", \"variant\": \"tuned\", \"virt\": \"qemu\", "
        "\"machine\": \"pc\", \"features\": [\"aes\"], \"definition\": {\"mode\": \"custom\", "
        "\"model\": \"EPYC\", \"vendor\": \"%s\", \"check\": \"%s\", \"require\": [\"aes\"]}%s}",
        PLAN_SCHEMA, vendor, check, more);
    cpulift_plan *made = NULL;
    assert_int_equal(plan_parse(text, strlen(text), "test", &made, NULL), 0);
    return made;
}

/// What of a plan's definition is worded for a guest of two CPUs, and in which shape it starts.
static void test_wording(void **state)
{
    (void)state;
    static const probe_shape sockets = {2, 2, 2, 1, 1, 1, 0, false};
    static const struct {
        const char *vendor, *check;
        unsigned long versions[2];
        size_t count;
        const probe_shape *shape; ///< asked for
        unsigned cores;           ///< that it gets
        const char *features;
    } cases[] = {
        {"AMD", "full", {7002022, 0}, 1, NULL, 2, "aes"},
        {"AMD", "full", {10000002, 0}, 1, NULL, 2, "aes cmp_legacy ht"},
        {"Intel", "full", {10000002, 0}, 1, NULL, 2, "aes ht"},
        {"Intel", "none", {10000002, 0}, 1, NULL, 2, "aes"},
        {"Intel", "full", {10000002, 0}, 1, &sockets, 1, "aes"},
        {"Intel", "full", {0, 0}, 1, NULL, 2, "aes"},
        {"Intel", "full", {10000002, 11000000}, 2, NULL, 2, "aes ht"},
        {"Intel", "full", {7002022, 8002000}, 2, NULL, 2, "aes"},
        {"Intel", "full", {7002022, 10000002}, 2, NULL, 1, "aes"},
        {"Intel", "full", {10000002, 7002022}, 2, NULL, 1, "aes"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_plan) plan = make_plan(cases[i].vendor, cases[i].check, "");
        const struct start_options options = {.shape = cases[i].shape};
        struct wording wording = {0};
        wording_choose(plan, &options, cases[i].versions, cases[i].count, &wording);
        GString *names = g_string_new(NULL);
        for (size_t n = 0; n < wording.cpu->feature_count; n++) {
            assert_int_equal(wording.cpu->features[n].policy, CPU_REQUIRE);
            g_string_append_printf(names, "%s%s", n > 0 ? " " : "", wording.cpu->features[n].name);
        }
        assert_string_equal(names->str, cases[i].features);
        assert_int_equal(wording.shape.vcpus, 2);
        assert_int_equal(wording.shape.cores, cases[i].cores);
        assert_int_equal(wording.shape.sockets * wording.shape.cores, 2);
        g_string_free(names, TRUE);
        wording_clear(&wording);
    }
}

/// A guest with a PMU is started with what the hosts give only to such, on whatever QEMU.
static void test_pmu_wording(void **state)
{
    (void)state;
    static const char more[] =
        ", \"guest_features\": [{\"feature\": \"pdcm\", \"cause\": \"pmu\", \"given\": true}]";
    g_autoptr(cpulift_plan) plan = make_plan("Intel", "full", more);
    for (enum shape_pmu pmu = SHAPE_PMU_UNSAID; pmu <= SHAPE_PMU_OFF; pmu++) {
        const probe_shape shape = {1, 1, 1, 1, 1, 1, pmu, false};
        const struct start_options options = {.shape = &shape};
        struct wording wording = {0};
        wording_choose(plan, &options, (const unsigned long[]){7002022}, 1, &wording);
        assert_int_equal(wording.cpu->feature_count, pmu == SHAPE_PMU_ON ? 2 : 1);
        assert_string_equal(wording.cpu->features[wording.cpu->feature_count - 1].name,
                            pmu == SHAPE_PMU_ON ? "pdcm" : "aes");
        wording_clear(&wording);
    }
}

/// A domain's own definition is started as it stands.
static void test_own_definition(void **state)
{
    (void)state;
    static const char text[] = "<cpu mode='custom' check='full'><model>EPYC</model></cpu>";
    g_autoptr(cpulift_plan) plan = make_plan("AMD", "full", "");
    g_autoptr(cpulift_cpu) cpu = NULL;
    assert_int_equal(cpu_parse(text, strlen(text), "test", &cpu, NULL), 0);
    const struct start_options options = {.cpu = cpu};
    struct wording wording = {0};
    wording_choose(plan, &options, (const unsigned long[]){10000002}, 1, &wording);
    assert_int_equal(wording.cpu->feature_count, 0);
    wording_clear(&wording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),          cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_wording),        cmocka_unit_test(test_pmu_wording),
        cmocka_unit_test(test_own_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
