// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, agent_settings **ret_settings, cpulift_error **err)
{
    return settings_parse(text, strlen(text), "x.conf", ret_settings, err);
}

static void nothing_said_is_the_default(void **state)
{
    (void)state;
    g_autoptr(agent_settings) settings = NULL;
    assert_int_equal(parse("", &settings, NULL), 0);
    assert_string_equal(settings->agent_plan, "/etc/cpulift/plan.json");
    assert_string_equal(settings->http_certificate, "");
    assert_int_equal(settings->ledger_days, 400);
}

static void what_is_said_counts(void **state)
{
    (void)state;
    g_autoptr(agent_settings) settings = NULL;
    assert_int_equal(parse("# x\n[agent]\nplan = /a b\n[http]\nlisten=[::1]:1\n", &settings, NULL),
                     0);
    assert_string_equal(settings->agent_plan, "/a b");
    assert_string_equal(settings->http_listen, "[::1]:1");
}

/// Its lines, made keys, are taken.
static void the_example_has_every_key(void **state)
{
    (void)state;
    g_autoptr(agent_settings) settings = NULL;
    g_autofree char *example = settings_format_example();
    g_auto(GStrv) lines = g_strsplit(example, "\n", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    size_t count = 0;
    for (char **line = lines; *line != NULL; line++) {
        bool is_key = strstr(*line, " = ") != NULL && strncmp(*line, "# ", 2) == 0;
        count += is_key;
        g_string_append_printf(text, "%s\n", *line + (is_key ? 2 : 0));
    }
    assert_int_equal(parse(text->str, &settings, NULL), 0);
    static const char *const names[] = {
#define KEY(section, key, kind, value, word, meaning) #key,
#include "agent/keys.def"
#undef KEY
    };
    assert_int_equal(count, G_N_ELEMENTS(names));
}

static void what_no_key_is_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[agent]\nplam = /x\n", "'plam' is no key of [agent]"},
        {"[agent]\nplam = /x\n", "(did you mean 'plan'?)"},
        {"[htpp]\n", "unknown section '[htpp]' (did you mean 'http'?)"},
        {"[agent]\nplan[de] = /x\n", "'plan[de]' is no key"},
        {"[agent]\nplan = /x\nplan = /y\n", "key 'plan' twice, line 3"},
        {"[agent]\nstate = here\n", "'here' does not begin with '/'"},
        {"[agent]\nplan =\n", "key 'plan' is empty"},
        {"[agent]\nenforce = definex\n",
         "'definex' is none of off|define (did you mean 'define'?)"},
        {"[ledger]\ndays = 0\n", "'0' is no number of 1..36500"},
        {"[ledger]\ndays = 36501\n", "is no number of 1..36500"},
        {"[ledger]\ndays = 7d\n", "is no number of 1..36500"},
        {"plan = /x\n", "x.conf"},
        {"[agent]\nplan = \xff\n", "key 'plan'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(agent_settings) settings = NULL;
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(parse(cases[i][0], &settings, &err), CPULIFT_EINPUT);
        assert_null(settings);
        if (strstr(err->message, cases[i][1]) == NULL) {
            fail_msg("%s: %s", cases[i][1], err->message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_the_default),
        cmocka_unit_test(what_is_said_counts),
        cmocka_unit_test(the_example_has_every_key),
        cmocka_unit_test(what_no_key_is_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
