// SPDX-License-Identifier: LGPL-2.1-or-later
/// Kills an apply and a rollback before each of their changes to the file system and to the
/// definitions of guests, and looks at what is left: every file wholly old or wholly new, and a
/// rollback that restores all.
#include "fake_store.h"
#include "platform/journal.h"
#include "platform/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int steps_left = -1;
static int steps_seen;

void step_reached(void)
{
    steps_seen++;
    if (steps_left >= 0 && steps_left-- == 0) {
        raise(SIGKILL);
    }
}

static const char old_text[] = "first line\nold = 1\nlast\n";
static const char new_text[] = "first line\nnew = 2\nlast\n";
static const char hook_text[] = "#!/bin/sh\nexit 0\n";

static char *make_root(void)
{
    char *folder = g_dir_make_tmp("crash.XXXXXX", NULL);
    fake_set_up(step_reached);
    assert_non_null(folder);
    g_autofree char *etc = g_build_filename(folder, "etc", NULL);
    g_autofree char *file = g_build_filename(etc, "conf", NULL);
    assert_int_equal(g_mkdir(etc, 0755), 0);
    assert_true(g_file_set_contents(file, old_text, -1, NULL));
    assert_int_equal(chmod(file, 0640), 0);
    return folder;
}

static void remove_tree(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir)) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
            remove_tree(path);
        } else {
            g_unlink(path);
        }
    }
    g_rmdir(folder);
}

/// The file gets this text and each guest this model.
static int apply_text(const char *folder, const char *text, const char *model)
{
    g_autoptr(root_dir) root = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(changeset) set = changeset_new("test");
    TRY(root_open(folder, &root, &err));
    g_autoptr(platform_stores) all = stores_new(root, fake_open);
    TRY(journal_recover(all, &err));
    TRY(changeset_add(set, root, "etc/conf", text, strlen(text), 0644, CHANGE_WHOLE, &err));
    TRY(changeset_add(set, root, "opt/hooks/hook", hook_text, strlen(hook_text), 0755, CHANGE_WHOLE,
                      &err));
    g_autofree char *domain = fake_domain(model, "");
    fake_add(set, "a", domain);
    fake_add(set, "b", domain);
    return changeset_apply(set, all, NULL, &err);
}

static int apply(const char *folder)
{
    return apply_text(folder, new_text, "Nehalem");
}

static int rollback(const char *folder)
{
    g_autoptr(root_dir) root = NULL;
    g_autoptr(cpulift_error) err = NULL;
    TRY(root_open(folder, &root, &err));
    g_autoptr(platform_stores) all = stores_new(root, fake_open);
    return journal_rollback(all, NULL, NULL, NULL, &err);
}

/// Runs `act` in a child that dies before its step `at`. True when the child died so.
static bool run_killed(int (*act)(const char *), const char *folder, int at)
{
    pid_t child = fork();
    if (child == 0) {
        steps_left = at;
        _exit(act(folder) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

static void check_whole(const char *folder)
{
    g_autofree char *conf = g_build_filename(folder, "etc/conf", NULL);
    g_autofree char *hook = g_build_filename(folder, "opt/hooks/hook", NULL);
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(conf, &text, NULL, NULL));
    assert_true(strcmp(text, old_text) == 0 || strcmp(text, new_text) == 0);
    g_autofree char *hook_now = NULL;
    if (g_file_get_contents(hook, &hook_now, NULL, NULL)) {
        assert_string_equal(hook_now, hook_text);
    }
    struct stat st;
    assert_int_equal(stat(conf, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void check_only(const char *folder, const char *only)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    assert_string_equal(g_dir_read_name(dir), only);
    const char *other = g_dir_read_name(dir);
    if (other != NULL) {
        fail_msg("'%s/%s' was left", folder, other);
    }
}

static void check_models(const char *model)
{
    g_autofree char *wanted = fake_domain(model, "");
    assert_string_equal(fake_texts[0], wanted);
    assert_string_equal(fake_texts[1], wanted);
}

/// Nothing but etc/conf is there, not even an empty folder, and it and the guests are as they were.
static void check_original(const char *folder)
{
    g_autofree char *etc = g_build_filename(folder, "etc", NULL);
    g_autofree char *conf = g_build_filename(etc, "conf", NULL);
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(conf, &text, NULL, NULL));
    assert_string_equal(text, old_text);
    check_models("Penryn");
    check_only(folder, "etc");
    check_only(etc, "conf");
}

static void test_apply_killed_anywhere(void **state)
{
    (void)state;
    bool died = true;
    int at = 0;
    for (; died; at++) {
        g_autofree char *folder = make_root();
        died = run_killed(apply, folder, at);
        check_whole(folder);
        assert_int_equal(rollback(folder), 0);
        check_original(folder);
        remove_tree(folder);
    }
    assert_true(at > 20);
}

static void test_apply_again_after_kill(void **state)
{
    (void)state;
    bool died = true;
    for (int at = 0; died; at++) {
        g_autofree char *folder = make_root();
        died = run_killed(apply, folder, at);
        assert_int_equal(apply(folder), 0);
        g_autofree char *conf = g_build_filename(folder, "etc/conf", NULL);
        g_autofree char *text = NULL;
        assert_true(g_file_get_contents(conf, &text, NULL, NULL));
        assert_string_equal(text, new_text);
        check_models("Nehalem");
        assert_int_equal(rollback(folder), 0);
        check_original(folder);
        remove_tree(folder);
    }
}

static void test_rollback_killed_anywhere(void **state)
{
    (void)state;
    bool died = true;
    int at = 0;
    for (; died; at++) {
        g_autofree char *folder = make_root();
        assert_int_equal(apply(folder), 0);
        died = run_killed(rollback, folder, at);
        check_whole(folder);
        assert_int_equal(rollback(folder), 0);
        check_original(folder);
        remove_tree(folder);
    }
    assert_true(at > 5);
}

/// Its attributes could not be kept: that is said before anything is made.
static void test_old_file_that_cannot_be_opened(void **state)
{
    (void)state;
    g_autofree char *folder = make_root(), *link = g_build_filename(folder, "etc/link", NULL);
    g_autofree char *bytes = g_strdup(new_text);
    g_autoptr(root_dir) root = NULL;
    const struct root_file file = root_file_new_private(bytes);
    char *temporary = NULL;
    assert_int_equal(symlink("conf", link), 0);
    assert_int_equal(root_open(folder, &root, NULL), 0);
    assert_int_equal(root_stage(root, "etc/link", &file, &temporary, NULL), CPULIFT_ESYSTEM);
    assert_null(temporary);
    g_auto(GStrv) names = NULL;
    assert_int_equal(root_list(root, "etc", &names, NULL), 0);
    assert_int_equal(g_strv_length(names), 2);
    remove_tree(folder);
}

/// What a user does after one plan: another, and a third.
static void test_rollback_of_three_killed_anywhere(void **state)
{
    (void)state;
    bool died = true;
    int at = 0;
    for (; died; at++) {
        g_autofree char *folder = make_root();
        assert_int_equal(apply(folder), 0);
        assert_int_equal(apply_text(folder, "first line\nnewer = 3\nlast\n", "Westmere"), 0);
        assert_int_equal(apply_text(folder, "first line\nnewest = 4\nlast\n", "Haswell"), 0);
        died = run_killed(rollback, folder, at);
        assert_int_equal(rollback(folder), 0);
        check_original(folder);
        remove_tree(folder);
    }
    assert_true(at > 20);
}

/// What an older version kept of its changes of definitions.
static void keep_old(const char *folder)
{
    g_autofree char *state = g_build_filename(folder, "var/lib/cpulift", NULL);
    g_autofree char *file = g_build_filename(state, "domains.json", NULL);
    g_autofree char *domain = fake_domain("Nehalem", ""), *before = fake_domain("Penryn", "");
    g_autofree char *text = g_strdup_printf(
        "{\"schema\": \"cpulift.domains/1\", \"domains\": [{\"uri\": \"" FAKE_URI "\", \"name\": "
        "\"guest-a\", \"uuid\": \"a\", \"before\": \"%s\"}]}",
        before);
    assert_int_equal(g_mkdir_with_parents(state, 0755), 0);
    assert_true(g_file_set_contents(file, text, -1, NULL));
    g_strlcpy(fake_texts[0], domain, sizeof(fake_texts[0]));
}

/// It becomes a record of the journal, and whenever that is killed nothing of it is lost.
static void test_older_record_killed_anywhere(void **state)
{
    (void)state;
    int (*const acts[])(const char *folder) = {rollback, apply};
    for (size_t act = 0; act < G_N_ELEMENTS(acts); act++) {
        bool died = true;
        for (int at = 0; died; at++) {
            g_autofree char *folder = make_root();
            keep_old(folder);
            died = run_killed(acts[act], folder, at);
            assert_int_equal(rollback(folder), 0);
            check_models("Penryn");
            g_autofree char *left = g_build_filename(folder, "var/lib/cpulift", NULL);
            assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
            remove_tree(folder);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apply_killed_anywhere),
        cmocka_unit_test(test_apply_again_after_kill),
        cmocka_unit_test(test_rollback_killed_anywhere),
        cmocka_unit_test(test_old_file_that_cannot_be_opened),
        cmocka_unit_test(test_rollback_of_three_killed_anywhere),
        cmocka_unit_test(test_older_record_killed_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
