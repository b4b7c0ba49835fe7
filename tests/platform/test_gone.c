// SPDX-License-Identifier: LGPL-2.1-or-later
/// Rollbacks of files that are no longer there: a platform was removed before its plan.
#include "place.h"
#include "platform/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <glib/gstdio.h>

/// The files that the second of two applies changed are gone, one with its folder, another without:
/// nothing of ours is left in them. What they were is kept, in its oldest form, and the rest done.
static void test_files_that_are_gone(void **state)
{
    static const char *const texts[] = {"two\n", "three\n"};
    struct place *place = *state;
    put(place, "etc/platform/conf", "secret\n");
    put(place, "etc/alone", "one\n");
    put(place, "etc/removed/hook", "hook\n");
    put(place, "other", "one\n");
    for (int i = 0; i < 2; i++) {
        g_autoptr(changeset) set = changeset_new("test");
        assert_int_equal(add(set, place, "etc/platform/conf", texts[i], CHANGE_PROPERTIES, NULL),
                         0);
        assert_int_equal(add(set, place, "etc/alone", texts[i], CHANGE_WHOLE, NULL), 0);
        assert_int_equal(changeset_add_removal(set, place->root, "etc/removed/hook", NULL), 0);
        assert_int_equal(add(set, place, "new/plan", texts[i], CHANGE_WHOLE, NULL), 0);
        assert_int_equal(add(set, place, "other", texts[i], CHANGE_WHOLE, NULL), 0);
        assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
    }
    static const char *const gone[] = {"etc/platform/conf", "etc/platform", "etc/alone",
                                       "etc/removed", "new/plan"};
    for (size_t i = 0; i < G_N_ELEMENTS(gone); i++) {
        g_autofree char *path = at(place, gone[i]);
        assert_int_equal(g_remove(path), 0);
    }
    g_autoptr(GPtrArray) shown = NULL, actions = NULL;
    const struct journal_way dry = {.is_dry = true};
    assert_int_equal(journal_rollback(place->stores, &dry, &shown, NULL, NULL), 0);
    assert_false(has(place, "var/lib/cpulift/gone"));
    assert_int_equal(journal_rollback(place->stores, NULL, &actions, NULL, NULL), 0);
    assert_int_equal(shown->len, actions->len);
    assert_string_equal(actions->pdata[actions->len - 1],
                        "/etc/platform/conf: no longer there (what it was is kept as "
                        "/var/lib/cpulift/gone/etc/platform/conf)");
    static const char *const kept[][2] = {
        {"var/lib/cpulift/gone/etc/platform/conf", "secret\n"},
        {"var/lib/cpulift/gone/etc/alone", "one\n"},
        {"var/lib/cpulift/gone/etc/removed/hook", "hook\n"},
        {"other", "one\n"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        g_autofree char *text = get(place, kept[i][0]);
        assert_string_equal(text, kept[i][1]);
    }
    g_auto(root_file) file = {0};
    assert_int_equal(root_load(place->root, kept[0][0], &file, NULL), 0);
    assert_int_equal(file.mode, 0600);
    assert_false(has(place, "etc/platform"));
    assert_false(has(place, "new"));
    assert_false(has(place, "var/lib/cpulift/gone/new"));
    assert_false(has(place, "var/lib/cpulift/journal"));
}

/// Kept again, one that was kept before stays.
static void test_file_that_is_gone_again(void **state)
{
    struct place *place = *state;
    static const char *const texts[] = {"one\n", "another\n", "another\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(changeset) set = changeset_new("test");
        put(place, "etc/conf", texts[i]);
        assert_int_equal(add(set, place, "etc/conf", "ours\n", CHANGE_WHOLE, NULL), 0);
        assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
        g_autofree char *path = at(place, "etc/conf");
        assert_int_equal(g_remove(path), 0);
        assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    }
    g_autofree char *first = get(place, "var/lib/cpulift/gone/etc/conf");
    g_autofree char *second = get(place, "var/lib/cpulift/gone/etc/conf.1");
    assert_string_equal(first, "one\n");
    assert_string_equal(second, "another\n");
    assert_false(has(place, "var/lib/cpulift/gone/etc/conf.2"));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_files_that_are_gone),
        TEST(test_file_that_is_gone_again),
    };
    return cmocka_run_group_tests_name("gone", tests, NULL, NULL);
}
