// SPDX-License-Identifier: LGPL-2.1-or-later
/// Two cpulifts at work on one root, whichever is stopped wherever while the other goes on: each
/// does its work or says that another is at it, and a rollback restores all.
#include "platform/journal.h"
#include "platform/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/// Of the places at which the second stops, each STRIDEth is tried for each of the first's.
#define STRIDE 5

static int steps_left = -1;

void step_reached(void)
{
    if (steps_left >= 0 && steps_left-- == 0) {
        raise(SIGSTOP);
    }
}

/// An existing `var` or none: the journal's folders are staged elsewhere then.
struct place {
    char *folder;
    const char *base;
};

static struct place make_place(const char *base)
{
    struct place place = {g_dir_make_tmp("once.XXXXXX", NULL), base};
    assert_non_null(place.folder);
    g_autofree char *path = g_build_filename(place.folder, base, NULL);
    g_autofree char *file = g_build_filename(place.folder, "conf", NULL);
    assert_int_equal(g_mkdir_with_parents(path, 0755), 0);
    assert_true(g_file_set_contents(file, "old\n", -1, NULL));
    return place;
}

static int apply(const root_dir *root, const char *text, cpulift_error **err)
{
    g_autoptr(changeset) set = changeset_new("test");
    g_autoptr(platform_stores) all = stores_new(root, NULL);
    TRY(journal_recover(all, err));
    TRY(changeset_add(set, root, "conf", text, strlen(text), 0644, CHANGE_WHOLE, err));
    TRY(changeset_add(set, root, "opt/hook", text, strlen(text), 0755, CHANGE_WHOLE, err));
    return changeset_apply(set, all, NULL, err);
}

static int apply_one(const root_dir *root, cpulift_error **err)
{
    return apply(root, "one\n", err);
}

static int apply_two(const root_dir *root, cpulift_error **err)
{
    return apply(root, "two\n", err);
}

static int rollback(const root_dir *root, cpulift_error **err)
{
    g_autoptr(platform_stores) all = stores_new(root, NULL);
    return journal_rollback(all, NULL, NULL, NULL, err);
}

static int show(const root_dir *root, cpulift_error **err)
{
    const struct journal_way dry = {.is_dry = true};
    g_autoptr(platform_stores) all = stores_new(root, NULL);
    return journal_rollback(all, &dry, NULL, NULL, err);
}

static int look(const root_dir *root, cpulift_error **err)
{
    g_autoptr(GPtrArray) sets = NULL;
    return journal_load(root, &sets, err);
}

typedef int act(const root_dir *root, cpulift_error **err);

/// 0: done, or another is at work.
static int run(act *what, const char *folder)
{
    g_autoptr(root_dir) root = NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = root_open(folder, &root, &err);
    if (rc == 0) {
        root->is_volatile = true; // no power is cut here
        rc = what(root, &err);
    }
    if (rc != 0 && rc != CPULIFT_ECONFLICT) {
        fprintf(stderr, "%s\n", err->message);
        return 1;
    }
    return 0;
}

/// Starts it; it stops at its step `at`. *ret_has: it did, and did not end before.
static pid_t start(act *what, const char *folder, int at, bool *ret_has)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        steps_left = at;
        _exit(run(what, folder));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    *ret_has = WIFSTOPPED(status);
    if (!*ret_has) {
        assert_int_equal(status, 0);
    }
    return child;
}

static void finish(pid_t child, bool is_stopped)
{
    int status = 0;
    if (is_stopped) {
        assert_int_equal(kill(child, SIGCONT), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

static void check_only(const char *folder, const char *const *names)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name = NULL;
    while ((name = g_dir_read_name(dir)) != NULL) {
        if (!g_strv_contains(names, name)) {
            fail_msg("'%s/%s' was left", folder, name);
        }
    }
}

/// As make_place() made it; removes it.
static void check_and_remove(const struct place *place)
{
    static const char *const none[] = {NULL};
    g_auto(GStrv) parts = g_strsplit(place->base, "/", 2);
    const char *const top[] = {"conf", parts[0], NULL};
    g_autofree char *file = g_build_filename(place->folder, "conf", NULL);
    g_autofree char *base = g_build_filename(place->folder, place->base, NULL);
    g_autofree char *first = g_build_filename(place->folder, parts[0], NULL);
    g_autofree char *text = NULL;
    assert_int_equal(run(rollback, place->folder), 0);
    assert_true(g_file_get_contents(file, &text, NULL, NULL));
    assert_string_equal(text, "old\n");
    check_only(place->folder, top);
    check_only(base, none);
    assert_int_equal(g_remove(file), 0);
    assert_int_equal(g_rmdir(base), 0);
    (void)g_rmdir(first);
    assert_int_equal(g_rmdir(place->folder), 0);
    g_free(place->folder);
}

/// The first stops at step `a`, the second, which begins then, at `b`; then each goes on to its
/// end. *ret_b: the second came so far. False where the first did not come so far.
static bool try(act *before, act *const *acts, const char *base, const int *at, bool *ret_b)
{
    struct place place = make_place(base);
    bool is_a = false;
    if (before != NULL) {
        assert_int_equal(run(before, place.folder), 0);
    }
    pid_t a = start(acts[0], place.folder, at[0], &is_a);
    pid_t b = start(acts[1], place.folder, at[1], ret_b);
    finish(a, is_a);
    finish(b, *ret_b);
    check_and_remove(&place);
    return is_a;
}

static void test_two_at_once(void **state)
{
    (void)state;
    static const struct {
        act *before, *acts[2];
    } cases[] = {
        {NULL, {apply_one, rollback}},      {NULL, {apply_one, apply_two}},
        {NULL, {rollback, apply_one}},      {apply_one, {rollback, apply_two}},
        {apply_one, {apply_two, rollback}}, {apply_one, {rollback, rollback}},
        {apply_one, {rollback, show}},      {apply_one, {look, rollback}},
        {apply_one, {rollback, look}},      {NULL, {show, apply_one}},
    };
    static const char *const bases[] = {"etc", "var/lib"};
    int most = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(cases) * G_N_ELEMENTS(bases); i++) {
        size_t c = i / G_N_ELEMENTS(bases);
        bool is_a = true;
        for (int a = 0; is_a; a++) {
            bool is_b = true;
            for (int b = a % STRIDE; is_b; b += STRIDE) {
                const int at[] = {a, b};
                is_a =
                    try(cases[c].before, cases[c].acts, bases[i % G_N_ELEMENTS(bases)], at, &is_b);
            }
            most = MAX(most, a);
        }
    }
    assert_true(most > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_at_once)};
    return cmocka_run_group_tests_name("at once", tests, NULL, NULL);
}
