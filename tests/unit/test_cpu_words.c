// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/cpu_words.h"

#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"Haswell", "Haswell"},
        {"Haswell,+aes", "Haswell,+aes"},
        {"Haswell,aes", "Haswell,+aes"},
        {"Haswell,-avx2,aes=on", "Haswell,+aes,-avx2"},
        {"Haswell,avx2=off,+sse4_2,+lzcnt", "Haswell,+abm,+sse4.2,-avx2"},
        {"Haswell,aes=on,aes=off", "Haswell,-aes"},
        {"Haswell,aes=off,aes=on", "Haswell,+aes"},
        {"Haswell,+aes,aes=off", "Haswell,+aes"},
        {"Haswell,-aes,+aes,aes=on", "Haswell,-aes"},
        {"HASWELL-notsx,AES", "Haswell-noTSX,+aes"},
        {"x86-64-v2", "x86-64-v2"},
        {"X86-64-V4,-avx2,+avx", "x86-64-v4,+avx,-avx2"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_error) err = NULL;
        g_autoptr(cpulift_cpu) cpu = NULL;
        g_autoptr(cpulift_cpu) again = NULL;
        g_autofree char *said = NULL, *said_again = NULL;
        const catalog *map = support_get_catalog();
        assert_int_equal(cpu_words_parse(cases[i].text, map, &said, &cpu, &err), 0);
        assert_string_equal(said, cases[i].said);
        assert_int_equal(cpu_words_parse(said, map, &said_again, &again, &err), 0);
        assert_string_equal(said_again, said);
        g_autofree char *xml = cpu_format(cpu, 0), *xml_again = cpu_format(again, 0);
        assert_string_equal(xml, xml_again);
    }
}

static void test_which_are_words(void **state)
{
    (void)state;
    static const char *const words[] = {"a,b", "Haswell", "haswell", "x86-64-v1", "X86-64-v4"};
    static const char *const others[] = {"",          "Haswel",     "host",      "x86-64",
                                         "x86-64-v0", "x86-64-v10", "x86-64-v5", "x86-64-v2 "};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        assert_true(cpu_words_is(words[i], support_get_catalog()));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        assert_false(cpu_words_is(others[i], support_get_catalog()));
    }
}

/// A guest of a level has just what the psABI says, beside what every x86-64 guest of QEMU's has.
static void test_levels(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    for (unsigned level = 1; level <= 4; level++) {
        g_autoptr(cpulift_error) err = NULL;
        g_autoptr(cpulift_cpu) cpu = NULL;
        g_autofree char *name = g_strdup_printf("x86-64-v%u", level);
        feature_set set;
        assert_int_equal(cpu_words_parse(name, map, NULL, &cpu, &err), 0);
        assert_int_equal(cpu_expand(cpu, map, &set, &err), 0);
        assert_int_equal(catalog_compute_level(map, &set, NULL), level);
        assert_string_equal(cpu->model, "qemu64");
        assert_false(feature_set_has(&set, (size_t)catalog_find_feature(map, "svm")));
    }
}

/// What is said behind a level counts more than the level, and is said once.
static void test_level_less(void **state)
{
    (void)state;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_cpu) cpu = NULL;
    assert_int_equal(
        cpu_words_parse("x86-64-v3,-avx2,svm=on", support_get_catalog(), NULL, &cpu, &err), 0);
    unsigned count = 0;
    for (size_t i = 0; i < cpu->feature_count; i++) {
        count += strcmp(cpu->features[i].name, "avx2") == 0;
    }
    assert_int_equal(count, 1);
    assert_int_equal(cpu_find_feature(cpu, "avx2")->policy, CPU_DISABLE);
    assert_int_equal(cpu_find_feature(cpu, "avx")->policy, CPU_REQUIRE);
    assert_int_equal(cpu_find_feature(cpu, "svm")->policy, CPU_REQUIRE);
}

static void test_definition(void **state)
{
    (void)state;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_cpu) cpu = NULL;
    assert_int_equal(
        cpu_words_parse("Nehalem,+aes,-sse4.2", support_get_catalog(), NULL, &cpu, &err), 0);
    g_autofree char *xml = cpu_format(cpu, 0);
    assert_string_equal(xml, "<cpu mode='custom' match='exact'>\n"
                             "  <model fallback='forbid'>Nehalem</model>\n"
                             "  <feature policy='require' name='aes'/>\n"
                             "  <feature policy='disable' name='sse4.2'/>\n"
                             "</cpu>");
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
        int code;
    } cases[] = {
        {"", "''", CPULIFT_EINPUT},
        {",+aes", "',+aes'", CPULIFT_EINPUT},
        {"Haswel,+aes", "(did you mean 'Haswell'?)", CPULIFT_EINPUT},
        {"skylake-server-v2", "(did you mean 'Skylake-Server'? versions of QEMU's", CPULIFT_EINPUT},
        {"-v2", "'-v2' begins", CPULIFT_EINPUT},
        {"HASWEL", "(did you mean 'Haswell'?)", CPULIFT_EINPUT},
        {"Haswell,+aess", "(did you mean 'aes'?)", CPULIFT_EINPUT},
        {"Haswell,", "'' in 'Haswell,'", CPULIFT_EUSAGE},
        {"Haswell,+", "'+' in", CPULIFT_EUSAGE},
        {"Haswell,=on", "'=on' in", CPULIFT_EUSAGE},
        {"Haswell,aes=", "'aes=' in", CPULIFT_EUSAGE},
        {"Haswell,aes=1", "'aes=1' in", CPULIFT_EUSAGE},
        {"Haswell,+aes=on", "'+aes=on' in", CPULIFT_EUSAGE},
        {"Haswell, +aes", "' +aes' in", CPULIFT_EUSAGE},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_error) err = NULL;
        g_autoptr(cpulift_cpu) cpu = NULL;
        g_autofree char *said = NULL;
        assert_int_equal(cpu_words_parse(cases[i].text, support_get_catalog(), &said, &cpu, &err),
                         cases[i].code);
        assert_true(cpu == NULL && said == NULL);
        assert_non_null(strstr(err->message, cases[i].said));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),      cmocka_unit_test(test_which_are_words),
        cmocka_unit_test(test_levels),     cmocka_unit_test(test_level_less),
        cmocka_unit_test(test_definition), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("cpu_words", tests, NULL, NULL);
}
