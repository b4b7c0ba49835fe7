// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hosts_file.h"

#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static void test_list(void **state)
{
    (void)state;
    static const char text[] =
        "# all of them\n\n a  qemu:///system # here\r\nqemu+ssh://b/system\n";
    g_autoptr(GPtrArray) entries = hosts_file_new();
    assert_int_equal(hosts_file_parse(entries, text, "list", NULL), 0);
    assert_int_equal(entries->len, 2);
    const struct hosts_entry *first = entries->pdata[0], *second = entries->pdata[1];
    assert_string_equal(first->name, "a");
    assert_string_equal(first->uri, "qemu:///system");
    assert_null(second->name);
    assert_string_equal(second->uri, "qemu+ssh://b/system");
}

static void test_bad_lists(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "# nothing\n",
                                        "a\n",
                                        "a b qemu:///system\n",
                                        "a/b qemu:///system\n",
                                        "a qemu\n",
                                        "a qemu:///system\na qemu+ssh://b/system\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GPtrArray) entries = hosts_file_new();
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(hosts_file_parse(entries, texts[i], "list", &err), CPULIFT_EINPUT);
        assert_non_null(strstr(err->message, "'list'"));
    }
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        gint64 seconds;
    } good[] = {{"2026-11-26T15:40:01Z", 1795707601},
                {"1970-01-01T00:00:00Z", 0}, // what a clock says that nobody set
                {"2038-01-19T03:14:08Z", 2147483648}};
    gint64 seconds = 1;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        assert_true(date_parse(good[i].text, &seconds));
        assert_int_equal(seconds, good[i].seconds);
        g_autofree char *date = date_format(seconds);
        assert_string_equal(date, good[i].text);
    }
    static const char *const bad[] = {"",
                                      "2026-11-26",
                                      "2026-11-26T15:40:01",
                                      "2026-13-26T15:40:01Z",
                                      "2026-11-26T15:40:01+01:00",
                                      "2026-11-26T15:40:01.5Z",
                                      " 2026-11-26T15:40:01Z"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_false(date_parse(bad[i], &seconds));
    }
}

static void test_ages(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        gint64 seconds;
    } cases[] = {
        {"90s", 90}, {"15m", 900},  {"36h", 129600}, {"30d", 2592000}, {"0d", 0},
        {"", 0},     {"d", 0},      {"30", 0},       {"-1d", 0},       {"1.5d", 0},
        {"30 d", 0}, {"30days", 0}, {"36501d", 0},   {"1w", 0},        {"99999999999999999999d", 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_int_equal(date_parse_age(cases[i].text), cases[i].seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_ages),
    };
    return cmocka_run_group_tests_name("hosts_file", tests, NULL, NULL);
}
