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
        {"vx", NULL},
        {"avx512vni", "avx512vnni"},
        {"EXPLAN", "explain"},
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
    char turned[] = {'a',    '\xe2', '\x80', '\xae', 'b',    '\xe2',
                     '\x80', '\xa8', 'c',    '\xc3', '\xa9', '\0'};
    assert_false(text_is_line(turned));
    static const char *const cut[] = {"a\xf0", "\xf0\x9f", "a\xff", "\xc3\x28"};
    for (size_t i = 0; i < G_N_ELEMENTS(cut); i++) {
        g_autofree char *exact = g_strdup(cut[i]); // its end is watched
        assert_false(text_is_line(exact));
    }
    text_make_printable(turned);
    assert_string_equal(turned, "a???b???c\xc3\xa9");
}

static void lines_are_broken_at_blanks(void **state)
{
    static const struct {
        const char *text;
        size_t indent, width;
        const char *wrapped;
    } cases[] = {
        {"", 0, 10, "\n"},
        {"one two", 0, 7, "one two\n"},
        {"one two", 0, 6, "one\ntwo\n"},
        {"one two three", 4, 11, "one two\n    three\n"},
        {"a-word-that-is-wider than", 2, 8, "a-word-that-is-wider\n  than\n"},
        {"fünf … …", 0, 6, "fünf …\n…\n"}, // columns, not bytes
        {"東京 x", 0, 5, "東京\nx\n"},
        {"e\xcc\x81 x", 0, 3, "e\xcc\x81 x\n"},
        {"\xff\xff x", 0, 3, "\xff\xff\nx\n"},
        {"x", 9, 3, "x\n"},
    };
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        text_append_wrapped(out, cases[i].text, cases[i].indent, cases[i].width);
        assert_string_equal(out->str, cases[i].wrapped);
    }
}

static void complaints_are_one_line(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"\n", ""},
        {"qemu: no device\n", "qemu: no device"},
        {"qemu: no device\r\n\n  qemu: no kvm \n", "qemu: no device; qemu: no kvm"},
    };
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = text_join_lines(cases[i][0]);
        assert_string_equal(line, cases[i][1]);
    }
}

static void patterns_mean_something(void **state)
{
    (void)state;
    static const char *const good[] = {"",    "web-*", "[a-z]?",      "[]]",   "[!]x]", "[^]a]",
                                       "\\[", "]",     "[[:alpha:]]", "[\\]]", "a\\b"};
    static const char *const bad[] = {"[",   "a[b",   "[]",         "[!]",
                                      "x\\", "[a\\]", "[[:alpha:]", "[ab]["};
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        assert_true(text_is_pattern(good[i]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_false(text_is_pattern(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_meant_is_near), cmocka_unit_test(lines_move_no_terminal),
        cmocka_unit_test(lines_are_broken_at_blanks), cmocka_unit_test(complaints_are_one_line),
        cmocka_unit_test(patterns_mean_something)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
