// SPDX-License-Identifier: LGPL-2.1-or-later
/// Random shell files, with bash as the judge: a line that is called in force runs, and so does one
/// that was added. CPULIFT_SEED repeats a run.
#include "platform/kvmrc.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#define ROUNDS    150
#define DEPTH_MAX 4
#define LINE      "cpulift_mark=1\n"

/// Statements of which each is whole; '^' stands for the line, '@' for others, on lines of their
/// own, '%' for a number that no other has.
static const char *const statements[] = {
    "^",
    "^",
    "export DEFAULT_ATTACH_CACHE=none",
    "# it's \"nothing\" $( `",
    "a=\"it's ${HOME:-\"x\"} $(echo ')' \"a b\") `echo \\`echo x\\``\"",
    "b='\"$( # ' c=$'it\\'s' d=a\\ b\\'c",
    "e=\"two\nlines # $((1 << 2))\"",
    "f=${a#*\\}} g=${b##*'}'} h=${#a} i=$(( (1 + 2) * 3 ))",
    "cat <<END >/dev/null\n^it's $(echo \")\")\nEND",
    "cat <<'A B' >/dev/null\n^$( ` \"\nA B",
    "cat <<-\\END >/dev/null; cat <<\"X\" >/dev/null\n\t^\tEND\n^X",
    "cat <<< \"<<END\" >/dev/null",
    "if true; then\n@\nfi",
    "if false; then\n@\nelif true\nthen\n@\nelse\n@\nfi",
    "for x in 1 2; do\n@\ndone",
    "for ((x = 0; x < 2; x++)); do\n@\ndone",
    "while false; do\n@\ndone",
    "until true\ndo\n@\ndone",
    "case $a in\nx|y) true ;;\n(z) @\n;;\n*)\n@\nesac",
    "{\n@\n}",
    "(\n@\n)",
    "f%() {\n@\n}",
    "function f% {\n@\n}\nf%",
    "f%()\n{\n@\n}; f%",
    "false && {\n@\n}",
    "true ||\n@",
    "true &&\n@",
    "true | \\\n@",
    "a=$(\n@\n)",
    "b=(\n1 2 # x\n'it' )",
    "echo a \\\n^",
    "echo \\\n  \"b\" # done\n@",
    "[[ $a == *\")\"* ]] && true; (( 1 < 2 )) || false",
    "echo if then fi do done { >/dev/null",
    "return",
    "[ -r /nowhere ] || return 0",
    "[ -r / ] && exit",
    "true && return",
    "false && return",
    "if [ -r /nowhere ]; then exit 1; fi",
    "echo return exit >/dev/null",
    "(return)",
    "f%() { return 1; }; f%",
    "((true) && (true))",
    "( (true); case $a in x) ;; esac )",
    "true & wait",
    "! true",
    "time true",
    "> /dev/null",
    "x=1 y=2; z=3",
    ";",
    "",
};

static void add_file(GString *text, GRand *dice, unsigned depth);

static void add_statement(GString *text, GRand *dice, unsigned depth)
{
    static unsigned number;
    gint32 count = G_N_ELEMENTS(statements);
    const char *at = statements[g_rand_int_range(dice, 0, count)];
    number += strchr(at, '%') != NULL;
    unsigned own = number;
    for (; *at != '\0'; at++) {
        if (*at == '%') {
            g_string_append_printf(text, "%u", own);
        } else if (*at == '^') {
            g_string_append(text, LINE);
        } else if (*at != '@') {
            g_string_append_c(text, *at);
        } else if (depth < DEPTH_MAX) {
            add_file(text, dice, depth + 1);
        } else {
            g_string_append(text, "true");
        }
    }
}

static void add_file(GString *text, GRand *dice, unsigned depth)
{
    static const char *const between[] = {"\n", "\n", "\n", "\n\n", "; ", " \n\t", " # x\n"};
    for (gint32 i = 0, count = g_rand_int_range(dice, 1, depth > 0 ? 3 : 7); i < count; i++) {
        g_string_append(text, i > 0 ? between[g_rand_int_range(dice, 0, 7)] : "");
        add_statement(text, dice, depth);
    }
}

/// What bash says when it has run the words on the text.
static char *ask(const char *words, const char *text)
{
    g_autofree char *path = NULL, *said = NULL;
    g_close(g_file_open_tmp("cpulift-kvmrc-XXXXXX", &path, NULL), NULL);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    const char *const argv[] = {"bash", "-c", words, "bash", path, NULL};
    assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
                             G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &said,
                             NULL, NULL, NULL));
    (void)g_unlink(path);
    return g_steal_pointer(&said);
}

static bool is_shell(const char *text)
{
    g_autofree char *said = ask("bash -n \"$1\" && echo yes", text);
    return strcmp(said, "yes\n") == 0;
}

static void check_runs(const char *text)
{
    g_autofree char *said = ask(
        "exec 3>&1 >/dev/null </dev/null; trap 'echo \"mark $cpulift_mark\" >&3' EXIT; . \"$1\"",
        text);
    if (strcmp(said, "mark 1\n") != 0) {
        fail_msg("bash says '%s' of\n%s", said, text);
    }
}

static void test_lines_that_run(void **state)
{
    (void)state;
    size_t rounds = support_get_rounds(ROUNDS), held = 0, added = 0;
    GRand *dice = support_new_dice();
    for (size_t i = 0; i < rounds;) {
        g_autoptr(GString) text = g_string_new(NULL);
        add_file(text, dice, 0);
        if (!is_shell(text->str)) {
            continue;
        }
        i++;
        if (kvmrc_runs(text->str, LINE)) {
            held++;
            check_runs(text->str);
        }
        size_t len = text->len;
        kvmrc_add(text, LINE);
        assert_true(kvmrc_runs(text->str, LINE));
        added += text->len > len;
        check_runs(text->str);
    }
    g_rand_free(dice);
    print_message("# %zu files: the line was in force in %zu, and added to %zu\n", rounds, held,
                  added);
    assert_true(held > 0 && added > rounds / 4);
}

int main(void)
{
    g_autofree char *bash = g_find_program_in_path("bash");
    if (bash == NULL) {
        print_message("1..0 # SKIP no bash\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines_that_run)};
    return cmocka_run_group_tests_name("kvmrc", tests, NULL, NULL);
}
