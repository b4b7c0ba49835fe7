// SPDX-License-Identifier: LGPL-2.1-or-later
/// Applies and rollbacks at once: who waits, who is refused, and what a killed one leaves.
#include "fake_store.h"
#include "place.h"
#include "platform/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

static void test_two_at_once(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    g_autofree char *folder = at(place, JOURNAL_FOLDER);
    assert_int_equal(g_mkdir_with_parents(folder, 0700), 0);
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(add(set, place, "a", "two\n", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), CPULIFT_ECONFLICT);
    close(fd);
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
}

/// Another that begins and is killed between what we read and our lock: its record is the first,
/// and has the folders.
static void test_killed_between(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    put(place, "b", "one\n");
    g_autoptr(changeset) ours = changeset_new("test"), theirs = changeset_new("test");
    g_autofree char *done = at(place, JOURNAL_FOLDER "/000001.json");
    g_autofree char *pending = at(place, JOURNAL_FOLDER "/000001.pending");
    assert_int_equal(add(ours, place, "a", "two\n", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(add(theirs, place, "b", "two\n", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(changeset_apply(theirs, place->stores, NULL, NULL), 0);
    assert_int_equal(rename(done, pending), 0);
    assert_int_equal(changeset_apply(ours, place->stores, NULL, NULL), CPULIFT_ECONFLICT);
    assert_int_equal(journal_recover(place->stores, NULL), 0);
    assert_false(has(place, "var"));
    assert_int_equal(changeset_apply(ours, place->stores, NULL, NULL), 0);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    assert_false(has(place, "var"));
}

/// Another apply ends between what we read and our lock: its definition is not ours to change nor
/// to record, the other guest's is.
static void test_definition_of_another_apply(void **state)
{
    struct place *place = *state;
    g_autofree char *ours = fake_domain("Nehalem", ""), *theirs = fake_domain("Westmere", "");
    g_autofree char *first = fake_domain("Penryn", "");
    g_autoptr(changeset) set = changeset_new("test");
    g_autoptr(GPtrArray) refused = g_ptr_array_new_with_free_func(change_free);
    fake_add(set, "a", ours);
    fake_add(set, "b", ours);
    g_strlcpy(fake_texts[0], theirs, sizeof(fake_texts[0]));
    assert_int_equal(changeset_apply(set, place->stores, refused, NULL), 0);
    assert_int_equal(refused->len, 1);
    const struct change *change = refused->pdata[0];
    assert_string_equal(change->target, "a");
    assert_non_null(change->why);
    assert_string_equal(fake_texts[0], theirs);
    assert_string_equal(fake_texts[1], ours);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    assert_string_equal(fake_texts[0], theirs);
    assert_string_equal(fake_texts[1], first);
    assert_false(has(place, "var"));
}

/// The journal's folders are made under another name: who has nothing to undo must not take them
/// for those of a killed run.
static void test_sweep_leaves_who_is_at_work(void **state)
{
    struct place *place = *state;
    g_autofree char *staged = at(place, ROOT_TEMPORARY_PREFIX "x");
    g_autofree char *inner = at(place, ROOT_TEMPORARY_PREFIX "x/lib/cpulift");
    assert_int_equal(g_mkdir_with_parents(inner, 0755), 0);
    int fd = open(staged, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    assert_true(g_file_test(inner, G_FILE_TEST_IS_DIR));
    close(fd);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    assert_false(g_file_test(staged, G_FILE_TEST_EXISTS));
}

/// The lock is the journal's folder, and whoever ends last removes it: who waits for one that is
/// gone holds nothing.
static void test_lock_of_a_removed_folder(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(add(set, place, "a", "two\n", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
    autoclose int held = -1, other = -1;
    assert_int_equal(journal_folder_lock(place->root, &held, NULL), 0);
    g_autofree char *journal = at(place, JOURNAL_FOLDER), *away = at(place, "away");
    assert_int_equal(rename(journal, away), 0);
    assert_int_equal(journal_folder_lock(place->root, &other, NULL), 0);
    assert_true(other < 0);
    assert_int_equal(g_mkdir(journal, 0700), 0);
    assert_int_equal(journal_folder_lock(place->root, &other, NULL), 0);
    assert_true(other >= 0);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), CPULIFT_ECONFLICT);
}

/// Makes the folder, locks it as any other, removes it, and so on until it is killed.
static void come_and_go(const char *folder)
{
    for (;;) {
        autoclose int fd = g_mkdir(folder, 0700) == 0 ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
        if (fd >= 0 && flock(fd, LOCK_EX) == 0) {
            (void)rmdir(folder);
        }
    }
}

/// Between our opening the folder and its lock its last user may remove it.
static void test_lock_of_a_folder_that_goes(void **state)
{
    struct place *place = *state;
    g_autofree char *folder = at(place, JOURNAL_FOLDER), *parent = g_path_get_dirname(folder);
    assert_int_equal(g_mkdir_with_parents(parent, 0755), 0);
    pid_t other = fork();
    if (other == 0) {
        come_and_go(folder);
    }
    bool is_gone = false;
    size_t held = 0;
    for (gint64 end = g_get_monotonic_time() + 2 * G_USEC_PER_SEC;
         !is_gone && held < 20000 && g_get_monotonic_time() < end;) {
        autoclose int fd = -1;
        struct stat st;
        if (journal_folder_lock(place->root, &fd, NULL) == 0 && fd >= 0) {
            held++;
            is_gone = fstat(fd, &st) != 0 || st.st_nlink == 0;
        }
    }
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
    assert_false(is_gone);
    assert_true(held > 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_two_at_once),
        TEST(test_killed_between),
        TEST(test_definition_of_another_apply),
        TEST(test_sweep_leaves_who_is_at_work),
        TEST(test_lock_of_a_removed_folder),
        TEST(test_lock_of_a_folder_that_goes),
    };
    return cmocka_run_group_tests_name("journal-locks", tests, NULL, NULL);
}
