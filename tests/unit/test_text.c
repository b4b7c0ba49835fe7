// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_was_meant_is_near(void **state)
{
    static const char *const names[] = {"scan", "plan", "explain", "vmx", "avx512vnni", NULL};
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"paln", "plan"},
        {"sacn", "scan"},
        {"plann", "plan"},
        {"xplain", "explain"},
        {"explian", "explain"},
        {"explo", NULL},
        {"", NULL},
        {"vxm", "vmx"},
        {"avx512vni", "avx512vnni"},
        {"xyz", NULL},
        {"a-word-longer-than-any-name-that-is-compared", NULL},
    };
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *nearest = text_find_nearest(cases[i].word, names);
        if (cases[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i].nearest);
        }
    }
}

static void lines_move_no_terminal(void **state)
{
    (void)state;
    char text[] = "a\tb\r\n\033[2Jc\rd\a\xc2\x9b\xe9\n";
    text_make_lines_printable(text);
    assert_string_equal(text, "a\tb\r\n?[2Jc?d????\n");
    text_make_printable(text);
    assert_string_equal(text, "a?b???[2Jc?d?????");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_meant_is_near),
                                       cmocka_unit_test(lines_move_no_terminal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
