// SPDX-License-Identifier: LGPL-2.1-or-later
/// What goes from a ledger for being old, whatever the clock says.
#include "base/date.h"
#include "ledger_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>

/// What the ledger's clocks say, in seconds; it calls these in GLib's place.
static gint64 real_time, run_time;

gint64 g_get_real_time(void)
{
    return real_time * G_USEC_PER_SEC;
}

gint64 g_get_monotonic_time(void)
{
    return run_time * G_USEC_PER_SEC;
}

/// Both go on.
static void pass(gint64 seconds)
{
    real_time += seconds;
    run_time += seconds;
}

static int set_up(void **state)
{
    (void)state;
    run_time = 1000;
    return make_place() || !date_parse("2026-11-27T08:00:00Z", &real_time);
}

/// So many rows that are looked at, of now.
static void add_now(ledger *self, int count)
{
    for (int i = 0; i < count; i++) {
        ledger_row *row = record_new(&ledger_row_record);
        row->at = date_format(real_time);
        row->event = g_strdup("define");
        ledger_add(self, row, LEDGER_NO_CHANGE);
    }
    assert_int_equal(ledger_commit(self, NULL), 0);
}

static const struct ledger_limits month = {30, 1000000};

#define DAY   86400
#define LOOKS 500

static void the_old_go_by_their_day(void **state)
{
    (void)state;
    g_autoptr(ledger) self = open_ledger(&month);
    add_now(self, LOOKS);
    pass(29 * DAY);
    add_now(self, LOOKS);
    assert_int_equal(ledger_count(self).pruned, 0);
    pass(2 * DAY);
    add_now(self, LOOKS);
    assert_int_equal(ledger_count(self).pruned, LOOKS);
    g_autoptr(ledger_rows) rows = NULL;
    assert_int_equal(ledger_read(self, 0, NULL, 1, &rows, NULL), 0);
    assert_int_equal(rows->pruned_to, LOOKS);
}

/// What the clock did before rows were written, and again before others: none of them is old.
static void a_clock_that_is_wrong_makes_no_row_old(void **state)
{
    (void)state;
    static const struct {
        const char *wrong, *right;
    } clocks[] = {
        {"1970-01-01T00:00:00Z", "2026-11-27T09:00:00Z"}, // nobody had set it yet
        {"1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"}, // nor does anybody
        {"2026-11-27T07:00:00Z", "2026-11-27T09:00:00Z"}, // an hour back
        {"2016-11-27T08:00:00Z", "2026-11-27T09:00:00Z"}, // ten years back
        {"2026-11-28T08:00:00Z", "2026-11-27T09:00:00Z"}, // a day ahead
        {"2036-11-27T08:00:00Z", "2026-11-27T09:00:00Z"}, // ten years ahead
        {"2036-11-27T08:00:00Z", "2036-11-27T09:00:00Z"}, // and nobody sets it
        {"2038-01-19T03:14:08Z", "2026-11-27T09:00:00Z"}, // beyond 31 bits
        {"9999-12-31T00:00:00Z", "2026-11-27T09:00:00Z"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(clocks); i++) {
        tear_down(NULL);
        set_up(NULL);
        g_autoptr(ledger) self = open_ledger(&month);
        add_now(self, LOOKS);
        const char *const dates[] = {clocks[i].wrong, clocks[i].right, clocks[i].right};
        for (size_t j = 0; j < G_N_ELEMENTS(dates); j++) {
            assert_true(date_parse(dates[j], &real_time));
            run_time += 3600;
            add_now(self, LOOKS);
            if (ledger_count(self).pruned != 0) {
                fail_msg("%s, then %s: %d rows went", dates[0], dates[1],
                         (int)ledger_count(self).pruned);
            }
        }
    }
}

/// Rows of a clock that nobody had set, or that was ahead, go with those after them.
static void rows_of_a_wrong_clock_go_when_they_are_old(void **state)
{
    (void)state;
    static const char *const wrong[] = {"1970-01-01T00:00:00Z", "2016-11-27T08:00:00Z",
                                        "2036-11-27T08:00:00Z"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        tear_down(NULL);
        set_up(NULL);
        g_autoptr(ledger) self = open_ledger(&month);
        gint64 right = real_time;
        assert_true(date_parse(wrong[i], &real_time));
        add_now(self, LOOKS);
        real_time = right;
        add_now(self, LOOKS);
        assert_int_equal(ledger_count(self).pruned, 0);
        pass(31 * DAY);
        add_now(self, LOOKS);
        assert_int_equal(ledger_count(self).pruned, 2 * LOOKS);
    }
}

/// A clock that leapt ahead and stays there for a day is right at last.
static void a_leap_that_lasts_is_believed(void **state)
{
    (void)state;
    g_autoptr(ledger) self = open_ledger(&month);
    add_now(self, LOOKS);
    real_time += 3650 * DAY;
    add_now(self, LOOKS);
    pass(DAY - 1);
    add_now(self, LOOKS);
    assert_int_equal(ledger_count(self).pruned, 0);
    pass(1);
    add_now(self, LOOKS);
    assert_int_equal(ledger_count(self).pruned, LOOKS);
}

/// The host was off for long, or its clock is wrong: the first day cannot tell, however often the
/// agent is started anew.
static void a_ledger_that_is_opened_waits_a_day(void **state)
{
    (void)state;
    ledger *before = open_ledger(&month);
    add_now(before, LOOKS);
    ledger_close(before);
    real_time += 60 * DAY;
    run_time = 10;
    before = open_ledger(&month);
    add_now(before, 1);
    ledger_close(before);
    g_autoptr(ledger) self = open_ledger(&month);
    add_now(self, LOOKS);
    assert_int_equal(ledger_count(self).pruned, 0);
    pass(DAY);
    add_now(self, LOOKS);
    assert_int_equal(ledger_count(self).pruned, LOOKS);
}

/// An agent with few guests that is started anew each week: the day's waiting ends in between.
static void few_rows_of_many_starts_go_when_they_are_old(void **state)
{
    (void)state;
    for (int week = 0; week < 10; week++) {
        g_autoptr(ledger) self = open_ledger(&month);
        for (int day = 0; day < 7; day++) {
            add_now(self, 1);
            pass(DAY);
        }
    }
    g_autoptr(ledger) self = open_ledger(&month);
    assert_true(ledger_count(self).pruned > 30);
    assert_true(ledger_count(self).pruned < 45);
}

/// A host without a battery for its clock: more rows of no time than one look takes.
static void rows_of_no_time_do_not_keep_what_follows(void **state)
{
    (void)state;
    g_autoptr(ledger) self = open_ledger(&month);
    gint64 right = real_time;
    real_time = 0;
    for (int i = 0; i < 5; i++) {
        add_now(self, LOOKS);
    }
    real_time = right;
    add_now(self, LOOKS);
    pass(31 * DAY);
    for (int i = 0; i < 3; i++) {
        add_now(self, LOOKS);
    }
    assert_int_equal(ledger_count(self).pruned, 6 * LOOKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_old_go_by_their_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_wrong_makes_no_row_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_of_a_wrong_clock_go_when_they_are_old, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_leap_that_lasts_is_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_ledger_that_is_opened_waits_a_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(few_rows_of_many_starts_go_when_they_are_old, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rows_of_no_time_do_not_keep_what_follows, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
