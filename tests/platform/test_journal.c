// SPDX-License-Identifier: LGPL-2.1-or-later
/// Applies and rollbacks, one after the other.
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
#include <string.h>

static void test_apply_is_idempotent_and_undone(void **state)
{
    struct place *place = *state;
    put(place, "etc/a", "one\n");
    for (int round = 0; round < 2; round++) {
        g_autoptr(changeset) set = changeset_new("test");
        assert_int_equal(add(set, place, "etc/a", "two\n", CHANGE_WHOLE, NULL), 0);
        assert_int_equal(add(set, place, "new/dir/b", "b\n", CHANGE_WHOLE, NULL), 0);
        assert_int_equal(set->changes->len, round == 0 ? 2 : 0);
        assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
    }
    g_autoptr(GPtrArray) sets = NULL;
    assert_int_equal(journal_load(place->root, &sets, NULL), 0);
    assert_int_equal(sets->len, 1);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    g_autofree char *text = get(place, "etc/a");
    assert_string_equal(text, "one\n");
    assert_false(has(place, "new"));
    assert_false(has(place, "var"));
}

static void test_two_applies_one_rollback(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    const char *const texts[] = {"two\n", "three\n"};
    for (int i = 0; i < 2; i++) {
        g_autoptr(changeset) set = changeset_new("test");
        assert_int_equal(add(set, place, "a", texts[i], CHANGE_WHOLE, NULL), 0);
        assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
    }
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    g_autofree char *text = get(place, "a");
    assert_string_equal(text, "one\n");
}

/// Files of 1 MiB each, of which the journal keeps what they become.
static int apply_mebibytes(struct place *place, unsigned count, cpulift_error **err)
{
    g_autoptr(changeset) set = changeset_new("test");
    g_autofree char *text = g_strnfill((1 << 20) - 1, 'x');
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("big/%u", i);
        assert_int_equal(add(set, place, name, text, CHANGE_WHOLE, NULL), 0);
    }
    return changeset_apply(set, place->stores, NULL, err);
}

static void test_what_cannot_be_undone_is_not_done(void **state)
{
    struct place *place = *state;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(apply_mebibytes(place, 20, NULL), 0);
    assert_true(has(place, "big/19"));
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    assert_false(has(place, "big"));
    assert_int_equal(apply_mebibytes(place, 65, &err), CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "fewer guests"));
    assert_false(has(place, "big"));
    assert_false(has(place, "var"));
}

static void test_conflicts_are_refused(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    g_autoptr(changeset) set = changeset_new("test");
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(add(set, place, "a", "two\n", CHANGE_WHOLE, NULL), 0);
    put(place, "a", "somebody else\n");
    assert_int_equal(changeset_apply(set, place->stores, NULL, &err), CPULIFT_ECONFLICT);
    g_autofree char *text = get(place, "a");
    assert_string_equal(text, "somebody else\n");
    assert_false(has(place, "var"));

    g_autoptr(changeset) good = changeset_new("test");
    assert_int_equal(add(good, place, "a", "two\n", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(changeset_apply(good, place->stores, NULL, NULL), 0);
    put(place, "a", "edited\n");
    cpulift_error_clear(&err);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, &err), CPULIFT_ECONFLICT);
    g_autofree char *kept = get(place, "a");
    assert_string_equal(kept, "edited\n");
}

/// What others changed is left and said, the rest is undone; put back by hand, it is forgotten.
static void test_conflict_stops_nothing_else(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    put(place, "b", "one\n");
    const char *const texts[] = {"two\n", "three\n", "four\n"};
    for (int i = 0; i < 3; i++) {
        g_autoptr(changeset) set = changeset_new("test");
        assert_int_equal(add(set, place, "b", texts[i], CHANGE_WHOLE, NULL), 0);
        assert_int_equal(i > 0 ? add(set, place, "a", texts[i], CHANGE_WHOLE, NULL) : 0, 0);
        assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
    }
    put(place, "a", "mine\n");
    g_autoptr(GPtrArray) actions = NULL;
    assert_int_equal(journal_rollback(place->stores, NULL, &actions, NULL, NULL),
                     CPULIFT_ECONFLICT);
    assert_int_equal(actions->len, 5);
    g_autofree char *a = get(place, "a"), *b = get(place, "b");
    assert_string_equal(a, "mine\n");
    assert_string_equal(b, "one\n");
    // The two that touched it, and the one that made the journal's folders.
    g_autoptr(GPtrArray) sets = NULL;
    assert_int_equal(journal_load(place->root, &sets, NULL), 0);
    assert_int_equal(sets->len, 3);
    put(place, "a", "one\n");
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    assert_false(has(place, "var"));
}

/// A plan of this model. The caller's.
static cpulift_plan *make_plan(const char *model)
{
    g_autofree char *text = g_strdup_printf(
        "{\"schema\": \"" PLAN_SCHEMA "\", \"pool\": \"blue\", \"variant\": \"tuned\", "
        "\"virt\": \"kvm\", \"machine\": \"pc\", \"features\": [\"aes\"], \"definition\": "
        "{\"check\": \"full\", \"model\": \"%s\", \"require\": [\"aes\"], \"disable\": []}}",
        model);
    cpulift_plan *plan = NULL;
    assert_int_equal(plan_parse(text, strlen(text), "plan", &plan, NULL), 0);
    return plan;
}

/// The file "a" gets the model's name, and the journal a record of the plan; `says` not: as an
/// older cpulift did, which left the plan among the files only.
static void apply_plan(const struct place *place, const char *model, bool says)
{
    g_autoptr(cpulift_plan) plan = make_plan(model);
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(add(set, place, "a", model, CHANGE_WHOLE, NULL), 0);
    changeset_set_plan(set, plan);
    if (!says) {
        assert_int_equal(add(set, place, "etc/plan.json", set->plan, CHANGE_WHOLE, NULL), 0);
        g_clear_pointer(&set->plan, g_free);
    }
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
}

static void expect_text(const struct place *place, const char *name, const char *wanted)
{
    g_autofree char *text = get(place, name);
    assert_string_equal(text, wanted);
}

static void test_rollback_of_the_newest_alone(void **state)
{
    struct place *place = *state;
    put(place, "a", "one");
    apply_plan(place, "Nehalem", true);
    apply_plan(place, "Westmere", true);
    const struct journal_way one = {.is_one = true}, shown = {.is_one = true, .is_dry = true};
    assert_int_equal(journal_rollback(place->stores, &shown, NULL, NULL, NULL), 0);
    expect_text(place, "a", "Westmere");
    assert_int_equal(journal_rollback(place->stores, &one, NULL, NULL, NULL), 0);
    expect_text(place, "a", "Nehalem");
    assert_int_equal(journal_rollback(place->stores, &one, NULL, NULL, NULL), 0);
    expect_text(place, "a", "one");
    assert_false(has(place, "var"));
    assert_int_equal(journal_rollback(place->stores, &one, NULL, NULL, NULL), 0);
}

static void test_rollback_to_a_plan(void **state)
{
    struct place *place = *state;
    put(place, "a", "one");
    apply_plan(place, "Nehalem", false);
    apply_plan(place, "Westmere", true);
    apply_plan(place, "Haswell", true);
    g_autoptr(cpulift_plan) older = make_plan("Nehalem");
    g_autoptr(cpulift_plan) other = make_plan("Penryn");
    g_autoptr(cpulift_error) err = NULL;
    const struct journal_way way = {.to = older}, wrong = {.to = other};
    assert_int_equal(journal_rollback(place->stores, &wrong, NULL, NULL, &err), CPULIFT_EREFUSED);
    assert_non_null(strstr(err->message, "000003: pool 'blue', tuned, model Haswell"));
    assert_non_null(strstr(err->message, "000001: pool 'blue', tuned, model Nehalem"));
    expect_text(place, "a", "Haswell");
    for (int round = 0; round < 2; round++) { // there already, the second time
        assert_int_equal(journal_rollback(place->stores, &way, NULL, NULL, NULL), 0);
        expect_text(place, "a", "Nehalem");
    }
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    expect_text(place, "a", "one");
    assert_false(has(place, "var"));
}

/// The file "a" and each guest of `guests` get this model, in one apply. The caller frees what the
/// guests' store did not take.
static GPtrArray *apply_models(const struct place *place, const char *model, const char *guests)
{
    g_autoptr(changeset) set = changeset_new("test");
    g_autofree char *domain = fake_domain(model, "");
    GPtrArray *refused = g_ptr_array_new_with_free_func(change_free);
    assert_int_equal(add(set, place, "a", model, CHANGE_WHOLE, NULL), 0);
    for (const char *guest = guests; *guest != '\0'; guest++) {
        const char uuid[] = {*guest, '\0'};
        fake_add(set, uuid, domain);
    }
    assert_int_equal(changeset_apply(set, place->stores, refused, NULL), 0);
    return refused;
}

static void expect_guest(int guest, const char *model, const char *rest)
{
    g_autofree char *wanted = *model != '\0' ? fake_domain(model, rest) : g_strdup("");
    assert_string_equal(fake_texts[guest], wanted);
}

static void edit_guest(int guest, const char *model, const char *rest)
{
    g_autofree char *text = *model != '\0' ? fake_domain(model, rest) : g_strdup("");
    g_strlcpy(fake_texts[guest], text, sizeof(fake_texts[guest]));
}

/// One changeset, two stores: files and definitions.
static void test_definitions_go_with_files(void **state)
{
    struct place *place = *state;
    put(place, "a", "one");
    g_autoptr(GPtrArray) none = apply_models(place, "Nehalem", "ab");
    assert_int_equal(none->len, 0);
    assert_int_equal(none->len, 0);
    expect_guest(0, "Nehalem", "");
    g_autoptr(GPtrArray) none_either = apply_models(place, "Westmere", "b");
    assert_int_equal(none_either->len, 0);
    g_autoptr(GPtrArray) actions = NULL;
    assert_int_equal(journal_rollback(place->stores, NULL, &actions, NULL, NULL), 0);
    assert_string_equal(actions->pdata[0], "guest-b: restored");
    assert_int_equal(actions->len, 5);
    expect_text(place, "a", "one");
    expect_guest(0, "Penryn", "");
    expect_guest(1, "Penryn", "");
    assert_false(has(place, "var"));
}

/// Of a definition that its owner edited meanwhile <cpu> alone is put back; what he changed of that
/// is left, and the rest goes on; what is gone or as it was is forgotten.
static void test_definitions_of_others(void **state)
{
    struct place *place = *state;
    const struct {
        const char *model, *rest, *back, *how;
    } edits[] = {
        {"Nehalem", "<new/>", "Penryn", "guest-b: <cpu> restored (others had changed the rest)"},
        {"Penryn", "<new/>", "Penryn", "guest-b: unchanged (it has its old <cpu> already)"},
        {"", "", "", "guest-b: no longer there"},
        {"Haswell", "<new/>", "Haswell", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(edits); i++) {
        fake_set_up(NULL);
        put(place, "a", "one");
        g_autoptr(GPtrArray) none = apply_models(place, "Nehalem", "ab");
        assert_int_equal(none->len, 0);
        edit_guest(1, edits[i].model, edits[i].rest);
        g_autoptr(GPtrArray) actions = NULL;
        int rc = journal_rollback(place->stores, NULL, &actions, NULL, NULL);
        assert_int_equal(rc, edits[i].how != NULL ? 0 : CPULIFT_ECONFLICT);
        if (edits[i].how != NULL) {
            assert_string_equal(actions->pdata[0], edits[i].how);
        }
        expect_guest(0, "Penryn", "");
        expect_guest(1, edits[i].back, edits[i].rest);
        expect_text(place, "a", "one");
        assert_int_equal(has(place, "var"), edits[i].how == NULL);
    }
    edit_guest(1, "Penryn", "<new/>"); // put back by hand, as it was told
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    assert_false(has(place, "var"));
}

/// What the store of the definitions does not take stops nothing else.
static void test_refused_definition(void **state)
{
    struct place *place = *state;
    put(place, "a", "one");
    fake_refused = (char *)"b";
    g_autoptr(GPtrArray) refused = apply_models(place, "Nehalem", "ab");
    assert_int_equal(refused->len, 1);
    const struct change *change = refused->pdata[0];
    assert_string_equal(change->target, "b");
    assert_string_equal(change->why->message, "guest 'b' is not taken");
    expect_guest(0, "Nehalem", "");
    expect_text(place, "a", "Nehalem");
    g_autoptr(GPtrArray) sets = NULL;
    assert_int_equal(journal_load(place->root, &sets, NULL), 0);
    const changeset *set = sets->pdata[0];
    assert_int_equal(set->changes->len, 2);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    // Of one of which nothing was done, nothing is left.
    g_autoptr(changeset) alone = changeset_new("test");
    g_autofree char *domain = fake_domain("Nehalem", "");
    fake_add(alone, "b", domain);
    assert_int_equal(changeset_apply(alone, place->stores, NULL, NULL), 0);
    assert_int_equal(alone->changes->len, 0);
    assert_false(has(place, "var"));
}

/// A store that does not answer: its part is left and kept, the rest goes on. With `only`, so does
/// what is not meant.
static void test_store_that_does_not_answer(void **state)
{
    struct place *place = *state;
    const store_key fake = {.uri = (char *)FAKE_URI};
    const struct journal_way way = {.only = &fake};
    put(place, "a", "one");
    g_autoptr(GPtrArray) none = apply_models(place, "Nehalem", "ab");
    assert_int_equal(none->len, 0);
    g_autoptr(platform_stores) mute = stores_new(place->root, NULL);
    assert_int_equal(journal_rollback(mute, NULL, NULL, NULL, NULL), CPULIFT_EMISSING);
    expect_guest(0, "Nehalem", "");
    expect_text(place, "a", "one");
    g_autoptr(GPtrArray) none_either = apply_models(place, "Westmere", "");
    assert_int_equal(none_either->len, 0);
    assert_int_equal(journal_rollback(place->stores, &way, NULL, NULL, NULL), 0);
    expect_guest(0, "Penryn", "");
    expect_text(place, "a", "Westmere");
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    expect_text(place, "a", "one");
    assert_false(has(place, "var"));
}

/// What an older version kept of definitions, outside of the journal, is taken back all the same:
/// but what it made of them it did not keep.
static void test_definitions_of_an_older_version(void **state)
{
    struct place *place = *state;
    g_autofree char *before = fake_domain("Penryn", "");
    for (int round = 0; round < 2; round++) {
        g_autofree char *kept = g_strdup_printf(
            "{\"schema\": \"cpulift.domains/1\", \"domains\": [{\"uri\": \"" FAKE_URI "\", "
            "\"name\": \"guest-a\", \"uuid\": \"a\", \"before\": \"%s\"}]}",
            before);
        put(place, "var/lib/cpulift/domains.json", kept);
        edit_guest(0, "Nehalem", "<new/>");
        const struct journal_way dry = {.is_dry = true};
        g_autoptr(GPtrArray) actions = NULL;
        assert_int_equal(journal_rollback(place->stores, &dry, &actions, NULL, NULL), 0);
        assert_int_equal(actions->len, 1);
        expect_text(place, "var/lib/cpulift/domains.json", kept);
        if (round == 1) { // the next apply takes it over
            put(place, "a", "one");
            assert_int_equal(journal_recover(place->stores, NULL), 0);
            assert_false(has(place, "var/lib/cpulift/domains.json"));
            g_autoptr(GPtrArray) none = apply_models(place, "Westmere", "");
            assert_int_equal(none->len, 0);
        }
        assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
        expect_guest(0, "Penryn", "<new/>");
        assert_false(has(place, "var/lib/cpulift"));
    }
}

/// Applies `ours` over `before`, somebody makes `edited` of it, and rollback `after`.
static void check_lines(const struct place *place, const char *before, const char *ours,
                        const char *edited, const char *after)
{
    put(place, "rc", before);
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(add(set, place, "rc", ours, CHANGE_LINES, NULL), 0);
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
    put(place, "rc", edited);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    g_autofree char *text = get(place, "rc");
    assert_string_equal(text, after);
    assert_false(has(place, "var"));
}

static void test_lines_are_taken_out_of_an_edited_file(void **state)
{
    check_lines(*state, "a\nb\n", "a\nb\nours\n", "a\nB\nours\nadded\n", "a\nB\nadded\n");
}

/// Undone already, as by a rollback that was killed before it could forget the record.
static void test_lines_that_are_undone_are_no_conflict(void **state)
{
    check_lines(*state, "a\nold = 1\nb\n", "a\nold = 2\nb\n", "# theirs\na\nold = 1\nb\n",
                "# theirs\na\nold = 1\nb\n");
}

/// Taking out what stands behind a '#' would leave that before the next line.
static void test_lines_that_are_commented_out_are_gone(void **state)
{
    check_lines(*state, "a\nb\n", "a\nours\nb\n", "a\n#ours\nb\n", "a\n#ours\nb\n");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_apply_is_idempotent_and_undone),
        TEST(test_two_applies_one_rollback),
        TEST(test_what_cannot_be_undone_is_not_done),
        TEST(test_conflicts_are_refused),
        TEST(test_conflict_stops_nothing_else),
        TEST(test_rollback_of_the_newest_alone),
        TEST(test_rollback_to_a_plan),
        TEST(test_definitions_go_with_files),
        TEST(test_definitions_of_others),
        TEST(test_refused_definition),
        TEST(test_store_that_does_not_answer),
        TEST(test_definitions_of_an_older_version),
        TEST(test_lines_are_taken_out_of_an_edited_file),
        TEST(test_lines_that_are_undone_are_no_conflict),
        TEST(test_lines_that_are_commented_out_are_gone),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
