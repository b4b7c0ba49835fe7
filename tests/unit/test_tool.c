// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/tool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

/// A program is looked for beside this one.
static char *place, *name;
static GMainLoop *loop;

struct end {
    int status;
    char *output, *why;
    size_t len;
};

static int set_up(void **state)
{
    (void)state;
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self);
    name = g_strdup_printf("test-tool-%d", (int)getpid());
    place = g_build_filename(folder, name, NULL);
    loop = g_main_loop_new(NULL, FALSE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)g_unlink(place);
    g_main_loop_unref(loop);
    g_clear_pointer(&name, g_free);
    g_clear_pointer(&place, g_free);
    return 0;
}

static void take(void *data, int status, const char *output, size_t len, const char *why)
{
    struct end *end = data;
    *end = (struct end){status, g_strdup(output), g_strdup(why), len};
    g_main_loop_quit(loop);
}

static bool is_well(int status)
{
    return status == 0 || status == 3;
}

static void install(const char *script)
{
    g_autofree char *text = g_strconcat("#!/bin/sh\n", script, "\n", NULL);
    assert_true(g_file_set_contents(place, text, -1, NULL));
    assert_int_equal(g_chmod(place, 0755), 0);
}

static struct end run(const char *script, unsigned seconds)
{
    struct end end = {.status = -2};
    const char *const argv[] = {name, "word", NULL};
    const struct tool_calls calls = {take, is_well, &end};
    if (script != NULL) {
        install(script);
    }
    tool *running = tool_start(argv, seconds, &calls);
    assert_int_equal(end.status, -2);
    g_main_loop_run(loop);
    tool_free(running);
    return end;
}

static void clear(struct end *end)
{
    g_free(end->output);
    g_free(end->why);
}

static void check_failure(const char *script, unsigned seconds, const char *words)
{
    struct end end = run(script, seconds);
    assert_null(end.output);
    assert_non_null(end.why);
    if (strstr(end.why, words) == NULL) {
        fail_msg("%s: %s", words, end.why);
    }
    clear(&end);
}

static void what_it_prints_is_taken_whole(void **state)
{
    (void)state;
    struct end end = run("echo said >&2; head -c 3000000 /dev/zero | tr '\\0' x; echo \"$1\"", 20);
    assert_null(end.why);
    assert_int_equal(end.status, 0);
    assert_int_equal(end.len, 3000000 + strlen("word\n"));
    assert_string_equal(end.output + 3000000, "word\n");
    clear(&end);
    end = run("exit 3", 20);
    assert_null(end.why);
    assert_int_equal(end.status, 3);
    clear(&end);
}

static void each_failure_says_why(void **state)
{
    (void)state;
    check_failure("echo half; echo 'it is; so' >&2; echo more >&2; exit 1", 20, "it is; so; more");
    check_failure("exit 7", 20, "status 7");
    check_failure("kill -9 $$", 20, "signal 9");
    check_failure("exec yes", 20, "it printed too much");
    check_failure("yes | head -c 100000 >&2; exit 1", 20, ": y; y");
    check_failure("sleep 60", 1, "no answer within 1 s");
    check_failure("sleep 60 & echo mine", 1, "no answer within 1 s"); // who holds its output
    assert_int_equal(g_unlink(place), 0);
    check_failure(NULL, 20, name);
}

/// Nobody is told, and nothing of it is left.
static void one_that_is_not_wanted_any_more_is_killed(void **state)
{
    (void)state;
    g_autofree char *mark = g_strconcat(place, "-mark", NULL);
    g_autofree char *script =
        g_strdup_printf("echo $$ >'%s.new'; mv '%s.new' '%s'; exec sleep 60", mark, mark, mark);
    struct end end = {.status = -2};
    const char *const argv[] = {name, "word", NULL};
    const struct tool_calls calls = {take, is_well, &end};
    g_autofree char *pid = NULL;
    install(script);
    tool *running = tool_start(argv, 20, &calls);
    while (!g_file_get_contents(mark, &pid, NULL, NULL)) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    tool_free(running);
    pid_t number = (pid_t)strtol(pid, NULL, 10);
    for (int i = 0; i < 5000 && kill(number, 0) == 0; i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    assert_int_not_equal(kill(number, 0), 0);
    assert_int_equal(end.status, -2);
    (void)g_unlink(mark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_it_prints_is_taken_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_failure_says_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_not_wanted_any_more_is_killed, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
