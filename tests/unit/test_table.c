// SPDX-License-Identifier: LGPL-2.1-or-later
/// Tables as they look on a terminal of 80 columns, and off one.
#include "../lib/skip.h"
#include "cli/table.h"

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COLUMNS 80
#define LONG                                                                                       \
    "a-word-of-more-than-eighty-columns-that-no-blank-divides-and-that-stands-whole-where-it-is"

/// Features as they stand in a plan: at each width some end at the edge.
static char *format_words(const char *first, const char *text)
{
    static const char *const headers[] = {"WHAT", "FEATURES", NULL};
    g_autoptr(table) t = table_new(headers);
    const char *const cells[] = {first, text};
    table_add(t, cells);
    return table_format(t);
}

/// As format_words, with a terminal for standard output. NULL where the machine has none to give.
static char *format_on_terminal(const char *first, const char *text)
{
    struct winsize size = {.ws_row = 24, .ws_col = COLUMNS};
    int master, slave;
    if (openpty(&master, &slave, NULL, NULL, &size) != 0) {
        return NULL;
    }
    int own = dup(STDOUT_FILENO);
    dup2(slave, STDOUT_FILENO);
    char *formatted = format_words(first, text);
    dup2(own, STDOUT_FILENO);
    close(own);
    close(slave);
    close(master);
    return formatted;
}

/// The lines of a table less its first column, without the blanks that stand before them.
static char *join_lines(char *const *lines, size_t indent)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; lines[i] != NULL && *lines[i] != '\0'; i++) {
        assert_true(strlen(lines[i]) > indent);
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", lines[i] + indent);
    }
    return g_string_free(text, FALSE);
}

/// A line beside tables, on a terminal of as many columns (0: none). NULL as above.
static char *append_line(unsigned short columns, const char *text)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    int master = -1, slave = -1;
    if (columns > 0 && openpty(&master, &slave, NULL, NULL, &size) != 0) {
        return NULL;
    }
    int own = dup(STDOUT_FILENO), file = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(columns > 0 ? slave : file, STDOUT_FILENO);
    GString *out = g_string_new(NULL);
    table_append_line(out, text, 2);
    dup2(own, STDOUT_FILENO);
    close(own);
    close(file);
    if (columns > 0) {
        close(slave);
        close(master);
    }
    return g_string_free(out, FALSE);
}

static void lines_beside_tables_wrap(void **state)
{
    (void)state;
    g_autofree char *off = append_line(0, "without host a the pool gains: avx avx2");
    assert_string_equal(off, "without host a the pool gains: avx avx2\n");
    g_autofree char *on = append_line(20, "without host a the pool gains: avx avx2");
    if (on == NULL) {
        SKIP("no terminal to be had");
    }
    assert_string_equal(on, "without host a the\n  pool gains: avx\n  avx2\n");
}

static void lines_end_between_words(void **state)
{
    (void)state;
    const char *words = "abm avx avx2 avx512bitalg avx512bw avx512cd avx512dq avx512f bmi1 bmi2 "
                        "clflushopt clwb erms f16c fma gfni la57 md-clear spec-ctrl ssbd vaes";
    for (size_t width = 4; width < 40; width++) {
        g_autofree char *first = g_strnfill(width, 'x');
        g_autofree char *text = format_on_terminal(first, words);
        if (text == NULL) {
            SKIP("no pseudo-terminal on this machine");
        }
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        for (size_t i = 0; lines[i] != NULL; i++) {
            assert_true(strlen(lines[i]) <= COLUMNS);
        }
        assert_true(g_strv_length(lines) > 3); // it did wrap
        g_autofree char *joined = join_lines(lines + 1, width + 1);
        assert_string_equal(joined, words);
    }
}

static void a_word_is_never_broken(void **state)
{
    (void)state;
    g_autofree char *text = format_on_terminal("x", "a " LONG " b");
    if (text == NULL) {
        SKIP("no pseudo-terminal on this machine");
    }
    assert_non_null(strstr(text, LONG "\n     b\n"));
    // What is left for the last column may be less than its words need.
    g_autofree char *first = g_strnfill(COLUMNS - 5, 'x');
    g_autofree char *narrow = format_on_terminal(first, "md-clear rdseed " LONG);
    assert_non_null(strstr(narrow, "rdseed\n"));
    assert_non_null(strstr(narrow, LONG "\n"));
}

static void elsewhere_lines_are_as_long_as_they_need(void **state)
{
    (void)state;
    int own = dup(STDOUT_FILENO);
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    dup2(pipe_ends[1], STDOUT_FILENO);
    g_autofree char *text = format_words("x", "a " LONG " b");
    dup2(own, STDOUT_FILENO);
    close(own);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    assert_string_equal(text, "WHAT FEATURES\nx    a " LONG " b\n");
}

int main(void)
{
    // What a user says of the terminal would stand above what the terminal says.
    unsetenv("COLUMNS");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_between_words),
        cmocka_unit_test(lines_beside_tables_wrap),
        cmocka_unit_test(a_word_is_never_broken),
        cmocka_unit_test(elsewhere_lines_are_as_long_as_they_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
