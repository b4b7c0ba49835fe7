// SPDX-License-Identifier: LGPL-2.1-or-later
/// core/plan: a member of a wrong type is refused by name, never taken for absent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/plan.h"

#define HEAD                                                                                       \
    "{\"schema\":\"cpulift.plan/1\",\"pool\":\"p\",\"variant\":\"tuned\",\"virt\":\"kvm\","        \
    "\"machine\":\"pc\",\"features\":[\"sse\"],"
#define PLAN(members)       HEAD "\"definition\":{\"model\":\"Nehalem\"}," members "}"
#define DEFINITION(members) HEAD "\"definition\":{\"model\":\"Nehalem\"," members "}}"

static void test_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        // each of these let a guest start with less than the plan promises
        {DEFINITION("\"check\":1"), "\"definition.check\" is none of none, partial, full"},
        {DEFINITION("\"check\":null"), "\"definition.check\" is none of none, partial, full"},
        {DEFINITION("\"check\":[\"full\"]"), "\"definition.check\" is none of none, partial, full"},
        {DEFINITION("\"check\":\"Full\""), "\"definition.check\" is none of none, partial, full"},
        {DEFINITION("\"mode\":\"customs\""), "\"definition.mode\" is none of custom, "},
        {DEFINITION("\"match\":\"exactly\""), "\"definition.match\" is none of exact, "},
        {DEFINITION("\"fallback\":\"no\""), "\"definition.fallback\" is none of allow, forbid"},
        {"{\"schema\":\"cpulift.plan/1\",\"pool\":\"p\",\"variant\":\"tuned\",\"virt\":\"xen\"}",
         "\"virt\" is none of kvm, qemu"},
        {PLAN("\"guests\":{\"only\":\"web-*\"}"), "\"guests.only\" is no list"},
        {PLAN("\"guests\":{\"skip\":[1]}"), "\"guests.skip[0]\" is no string"},
        {PLAN("\"guests\":{\"strict\":\"true\"}"), "\"guests.strict\" is neither true nor false"},
        {PLAN("\"guests\":[]"), "\"guests\" is no object"},
        {PLAN("\"policy\":{\"require-mitigations\":1}"),
         "\"policy.require-mitigations\" is neither true nor false"},
        {PLAN("\"policy\":{\"allow\":\"tsx\"}"), "\"policy.allow\" is no list"},
        {PLAN("\"losses\":[{\"feature\":\"a\"},{\"feature\":7}]"),
         "\"losses[1].feature\" is no name"},
        {PLAN("\"losses\":[{\"feature\":\"a\",\"kinds\":[0,1]}],\"kinds\":[{}]"),
         "\"losses[0].kinds[1]\" is none of the 1 kinds"},
        {PLAN("\"signature\":{\"family\":4096}"),
         "\"signature.family\" is no integer from 0 to 4095"},
        {PLAN("\"qemu\":{\"min\":\"abc\",\"max\":\"abc\"}"), "\"qemu.min\" is no version"},
        {PLAN("\"qemu\":{\"max\":\"\"}"), "\"qemu.max\" is no version"},
        {PLAN("\"qemu\":{\"min\":\"10.0.2\",\"max\":\"7.2.22\"}"),
         "\"qemu.min\" (10.0.2) is newer than \"qemu.max\" (7.2.22)"},
        {PLAN("\"kinds\":[{\"qemu\":\"abc\"}]"), "\"kinds[0].qemu\" is no version"},
        {PLAN("\"phys_bits\":31"), "\"phys_bits\" is no integer from 32 to 52"},
        {DEFINITION("\"phys_bits\":53"), "\"definition.phys_bits\" is no integer from 32 to 52"},
        {PLAN("\"kinds\":[{\"hosts\":\"a\"}]"), "\"kinds[0].hosts\" is no list"},
        {PLAN("\"warnings\":[{\"code\":\"c\"}]"), "\"warnings[0].text\" is missing"},
        {DEFINITION("\"require\":[\"sse\"],\"disable\":[\"sse\"]"), "says twice"},
        {HEAD "\"definition\":{}}", "\"definition.model\" is missing"},
        {HEAD "\"definition\":null}", "\"definition\" is no object"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_plan) plan = NULL;
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(plan_parse(cases[i].text, strlen(cases[i].text), "plan", &plan, &err),
                         CPULIFT_EINPUT);
        if (strstr(err->message, cases[i].why) == NULL) {
            fail_msg("case %zu: '%s' lacks '%s'", i, err->message, cases[i].why);
        }
    }
}

static void test_right(void **state)
{
    (void)state;
    static const char text[] = PLAN("\"level\":null,\"guests\":{\"only\":[\"web-*\"],\"strict\":"
                                    "true},\"later\":{\"check\":1}");
    g_autoptr(cpulift_plan) plan = NULL;
    assert_int_equal(plan_parse(text, strlen(text), "plan", &plan, NULL), 0);
    assert_string_equal(plan->guests.only[0], "web-*");
    assert_null(plan->guests.only[1]);
    assert_null(plan->guests.skip);
    assert_true(plan->guests.is_strict);
    assert_int_equal(plan->feature_count, 1);
}

#define EXACT  "\"mode\":\"custom\",\"match\":\"exact\""
#define FORBID "\"fallback\":\"forbid\""

static void test_promise(void **state)
{
    (void)state;
    static const struct {
        const char *variant, *definition, *wrong; ///< NULL: fine
    } cases[] = {
        {"tuned", EXACT ",\"check\":\"full\"," FORBID, NULL},
        {"tuned", EXACT ",\"check\":\"partial\"," FORBID, "check\" is not"},
        {"tuned", EXACT "," FORBID, "check\" is not"},
        {"tuned", "\"mode\":\"custom\",\"match\":\"minimum\",\"check\":\"full\"," FORBID,
         "match\" is not"},
        {"tuned", "\"mode\":\"host-model\",\"match\":\"exact\",\"check\":\"full\"," FORBID,
         "mode\" is not"},
        {"tuned", EXACT ",\"check\":\"full\",\"fallback\":\"allow\"", "fallback\" is not"},
        {"tuned", EXACT ",\"check\":\"full\"", "fallback\" is not"},
        {"tuned", EXACT ",\"check\":\"full\"," FORBID ",\"optional\":[\"avx512f\"]",
         "neither requires nor disables 'avx512f'"},
        {"richer", EXACT, "check\" is not"},
        {"default", EXACT, NULL},
        {"paper", EXACT ",\"fallback\":\"allow\",\"optional\":[\"aes\"]", NULL},
        {"paper-default", EXACT, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_plan) plan = NULL;
        g_autoptr(cpulift_error) err = NULL;
        g_autofree char *text =
            g_strdup_printf("{\"schema\":\"cpulift.plan/1\",\"pool\":\"p\",\"variant\":\"%s\","
                            "\"virt\":\"kvm\",\"machine\":\"pc\",\"definition\":{\"model\":"
                            "\"Nehalem\",%s}}",
                            cases[i].variant, cases[i].definition);
        assert_int_equal(plan_parse(text, strlen(text), "plan", &plan, NULL), 0);
        int rc = plan_check_promise(plan, "plan", &err);
        assert_int_equal(rc, cases[i].wrong == NULL ? 0 : CPULIFT_EINPUT);
        if (cases[i].wrong != NULL) {
            assert_non_null(strstr(err->message, cases[i].wrong));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_promise),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
