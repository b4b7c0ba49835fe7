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
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_error) err = NULL;
        g_autoptr(cpulift_cpu) cpu = NULL;
        g_autoptr(cpulift_cpu) again = NULL;
        assert_int_equal(cpu_words_parse(cases[i].text, support_get_catalog(), &cpu, &err), 0);
        g_autofree char *said = cpu_words_format(cpu, ",");
        assert_string_equal(said, cases[i].said);
        assert_int_equal(cpu_words_parse(said, support_get_catalog(), &again, &err), 0);
        g_autofree char *xml = cpu_format(cpu, 0), *xml_again = cpu_format(again, 0);
        assert_string_equal(xml, xml_again);
    }
    assert_true(cpu_words_is("a,b"));
    assert_false(cpu_words_is("Haswell"));
}

static void test_definition(void **state)
{
    (void)state;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_cpu) cpu = NULL;
    assert_int_equal(cpu_words_parse("Nehalem,+aes,-sse4.2", support_get_catalog(), &cpu, &err), 0);
    g_autofree char *xml = cpu_format(cpu, 0), *name = cpu_words_format(cpu, "");
    assert_string_equal(xml, "<cpu mode='custom' match='exact'>\n"
                             "  <model fallback='forbid'>Nehalem</model>\n"
                             "  <feature policy='require' name='aes'/>\n"
                             "  <feature policy='disable' name='sse4.2'/>\n"
                             "</cpu>");
    assert_string_equal(name, "Nehalem+aes-sse4.2");
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"", "''"},
        {",+aes", "',+aes'"},
        {"Haswel,+aes", "(did you mean 'Haswell'?)"},
        {"Haswell,+aess", "(did you mean 'aes'?)"},
        {"Haswell,", "'' in 'Haswell,'"},
        {"Haswell,+", "'+' in"},
        {"Haswell,=on", "''"},
        {"Haswell,aes=", "'aes=' in"},
        {"Haswell,aes=1", "'aes=1' in"},
        {"Haswell,+aes=on", "'aes=on'"},
        {"Haswell, +aes", "' +aes'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_error) err = NULL;
        g_autoptr(cpulift_cpu) cpu = NULL;
        assert_int_equal(cpu_words_parse(cases[i].text, support_get_catalog(), &cpu, &err),
                         CPULIFT_EINPUT);
        assert_null(cpu);
        assert_non_null(strstr(err->message, cases[i].said));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("cpu_words", tests, NULL, NULL);
}
