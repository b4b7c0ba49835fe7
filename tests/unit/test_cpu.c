// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/cpu.h"

#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static void test_round_trip(void **state)
{
    (void)state;
    static const char text[] = "<cpu mode='custom' match='exact' check='full'>\n"
                               "  <model fallback='forbid'>Nehalem</model>\n"
                               "  <vendor>Intel</vendor>\n"
                               "  <signature family='6' model='26' stepping='3'/>\n"
                               "  <maxphysaddr mode='emulate' bits='39'/>\n"
                               "  <feature policy='require' name='avx'/>\n"
                               "  <feature policy='disable' name='sse4.2'/>\n"
                               "  <feature policy='optional' name='aes'/>\n"
                               "  <feature policy='force' name='fma'/>\n"
                               "  <feature policy='forbid' name='rtm'/>\n"
                               "</cpu>";
    g_autoptr(cpulift_cpu) cpu = support_parse_cpu(text);
    g_autoptr(cpulift_cpu) copy = cpu_copy(cpu);
    g_autofree char *formatted = cpu_format(copy, 0);
    assert_string_equal(formatted, text);
    assert_int_equal(cpu->phys_bits, 39);
}

static void test_expand(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    g_autoptr(cpulift_cpu) cpu = support_parse_cpu(
        "<domain><cpu><model>Nehalem</model><feature name='avx'/><feature policy='disable' "
        "name='sse4_2'/><feature policy='forbid' name='cx16'/><feature policy='optional' "
        "name='lzcnt'/></cpu><cpu><model>486</model></cpu></domain>");
    feature_set set, expected = catalog_find_model(map, "Nehalem")->features;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(cpu_expand(cpu, map, &set, &err), 0);
    expected = feature_set_unite(expected, pool_get_features("avx abm"));
    expected = feature_set_subtract(expected, pool_get_features("sse4.2 cx16"));
    assert_true(feature_set_equal(&set, &expected));
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "<cpu",
        "<domain/>",
        "<host><cpu/></host>",
        "<cpu mode='a b'/>",
        "<cpu><model></model></cpu>",
        "<cpu><model>a/b</model></cpu>",
        "<cpu><feature/></cpu>",
        "<cpu><feature name=''/></cpu>",
        "<cpu><feature name='avx' policy='maybe'/></cpu>",
        "<cpu><feature name='avx'/><feature name='avx' policy='disable'/></cpu>",
        "<cpu><vendor>\xff</vendor></cpu>",
        "<!DOCTYPE cpu><cpu/>",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(cpulift_cpu) cpu = NULL;
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(cpu_parse(texts[i], strlen(texts[i]), "x.xml", &cpu, &err),
                         CPULIFT_EINPUT);
        assert_null(cpu);
        assert_null(strpbrk(err->message, "\n"));
    }
}

/// Numbers that are none, or out of range, count as not said.
static void test_numbers(void **state)
{
    (void)state;
    static const char *const bits[] = {"65", "-1", "4294967335", "x", ""};
    for (size_t i = 0; i < G_N_ELEMENTS(bits); i++) {
        g_autofree char *text = g_strdup_printf("<cpu><maxphysaddr bits='%s'/></cpu>", bits[i]);
        g_autoptr(cpulift_cpu) cpu = support_parse_cpu(text);
        assert_int_equal(cpu->phys_bits, 0);
    }
}

static void test_unknown(void **state)
{
    (void)state;
    static const char *const texts[] = {"<cpu><model>Warp</model></cpu>",
                                        "<cpu><feature name='warp'/></cpu>"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(cpulift_cpu) cpu = support_parse_cpu(texts[i]);
        g_autoptr(cpulift_error) err = NULL;
        feature_set set;
        assert_int_equal(cpu_expand(cpu, support_get_catalog(), &set, &err), CPULIFT_EINPUT);
        assert_non_null(strstr(err->message, "arp'"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_expand),
        cmocka_unit_test(test_malformed),  cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests_name("cpu", tests, NULL, NULL);
}
