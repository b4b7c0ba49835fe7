// SPDX-License-Identifier: LGPL-2.1-or-later
/// What another user may have written is not believed: by a record of his a rollback would write
/// any file as root.
#include "../lib/skip.h"
#include "place.h"
#include "platform/journal.h"
#include "platform/journal_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD   JOURNAL_FOLDER "/000001.json"
#define STRANGER 65534

static void apply_one(const struct place *place)
{
    put(place, "a", "one\n");
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(add(set, place, "a", "two\n", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
}

/// Whatever reads the journal refuses it, by name, and writes nothing.
static void check_refused(const struct place *place, const char *name)
{
    g_autoptr(GPtrArray) sets = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(journal_load(place->root, &sets, &err), CPULIFT_EREFUSED);
    assert_non_null(strstr(err->message, name));
    assert_int_equal(journal_recover(place->stores, NULL), CPULIFT_EREFUSED);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), CPULIFT_EREFUSED);
    g_autofree char *text = get(place, "a");
    assert_string_equal(text, "two\n");
}

static void check_good(const struct place *place)
{
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    g_autofree char *text = get(place, "a");
    assert_string_equal(text, "one\n");
    assert_false(has(place, "var"));
}

static void test_record_of_others(void **state)
{
    struct place *place = *state;
    apply_one(place);
    g_autofree char *record = at(place, RECORD);
    assert_int_equal(chmod(record, 0620), 0);
    check_refused(place, RECORD);
    assert_int_equal(chmod(record, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(record, STRANGER, 0), 0);
        check_refused(place, RECORD);
        assert_int_equal(chown(record, 0, 0), 0);
    }
    check_good(place);
}

static void test_journal_of_others(void **state)
{
    struct place *place = *state;
    apply_one(place);
    g_autofree char *folder = at(place, JOURNAL_FOLDER);
    assert_int_equal(chmod(folder, 0770), 0);
    check_refused(place, JOURNAL_FOLDER);
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(add(set, place, "a", "three\n", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), CPULIFT_EREFUSED);
    assert_int_equal(chmod(folder, 0700), 0);
    check_good(place);
}

/// A root that is a user's own: what we keep there is not his.
static void test_root_of_a_stranger(void **state)
{
    struct place *place = *state;
    if (geteuid() != 0) {
        SKIP("only root can give a folder away");
    }
    assert_int_equal(chown(place->path, STRANGER, STRANGER), 0);
    apply_one(place);
    g_autofree char *folder = at(place, JOURNAL_FOLDER);
    struct stat st;
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_uid, 0);
    check_good(place);
}

static mode_t get_mode(const struct place *place, const char *name)
{
    struct stat st;
    g_autofree char *path = at(place, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/// Neither what we write nor what we restore runs as its owner.
static void test_no_set_uid(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    g_autofree char *path = at(place, "a");
    assert_int_equal(chmod(path, 06755), 0);
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(add(set, place, "a", "two\n", CHANGE_WHOLE, NULL), 0);
    g_autofree char *diff = changeset_format_diff(set);
    assert_non_null(strstr(diff, "mode 6755 to 0755: a"));
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
    assert_int_equal(get_mode(place, "a"), 0755);
    check_good(place);
    assert_int_equal(get_mode(place, "a"), 0755);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_record_of_others),
        TEST(test_journal_of_others),
        TEST(test_root_of_a_stranger),
        TEST(test_no_set_uid),
    };
    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
