// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../lib/skip.h"
#include "ledger_place.h"

#include "base/file.h"
#include "base/json.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

static const struct ledger_limits plenty = {3650, 1000000};

static int set_up(void **state)
{
    (void)state;
    return make_place();
}

static ledger_row *make_row(const char *event, const char *uuid, const char *verdict)
{
    ledger_row *row = record_new(&ledger_row_record);
    row->at = g_strdup("2026-11-27T08:00:00Z");
    row->event = g_strdup(event);
    row->uuid = g_strdup(uuid);
    row->name = g_strdup("web-1");
    row->verdict = g_strdup(verdict);
    return row;
}

static ledger_rows *read_rows(ledger *self, guint64 since, unsigned limit)
{
    ledger_rows *rows = NULL;
    assert_int_equal(ledger_read(self, since, NULL, limit, &rows, NULL), 0);
    return rows;
}

static void what_was_added_is_read_as_it_was(void **state)
{
    (void)state;
    g_autoptr(ledger) self = open_ledger(&plenty);
    ledger_row *row = make_row("start", "a", "foreign");
    row->number = 7;
    row->why = g_strdup("'quoted'; DROP TABLE event");
    row->missing = g_new0(char *, 1);
    row->extra = g_strsplit("avx avx2", " ", -1);
    g_autoptr(json_t) before = record_format(&ledger_row_record, row, NULL);
    ledger_add(self, row, LEDGER_RUNS);
    g_autoptr(ledger_rows) rows = read_rows(self, 0, 10);
    assert_int_equal(rows->rows->len, 1);
    g_autoptr(json_t) after = record_format(&ledger_row_record, rows->rows->pdata[0], NULL);
    json_object_del(after, "id");
    assert_true(json_equal(before, after));
    g_autoptr(ledger_guests) guests = NULL;
    assert_int_equal(ledger_read_guests(self, NULL, 10, &guests, NULL), 0);
    assert_int_equal(guests->guests->len, 1);
    assert_null(guests->next);
}

static void pages_follow_each_other(void **state)
{
    (void)state;
    g_autoptr(ledger) self = open_ledger(&plenty);
    for (int i = 0; i < 25; i++) {
        g_autofree char *uuid = g_strdup_printf("%02d", i);
        ledger_add(self, make_row("start", uuid, "tuned"), LEDGER_RUNS);
    }
    size_t count = 0;
    guint64 since = 0, before = 1;
    while (since != before) {
        g_autoptr(ledger_rows) rows = read_rows(self, since, 10);
        count += rows->rows->len;
        before = since;
        since = rows->next;
    }
    assert_int_equal(count, 25);
    g_autofree char *after = NULL;
    for (count = 0;;) {
        g_autoptr(ledger_guests) guests = NULL;
        assert_int_equal(ledger_read_guests(self, after, 10, &guests, NULL), 0);
        count += guests->guests->len;
        g_free(after);
        after = g_strdup(guests->next);
        if (after == NULL) {
            break;
        }
    }
    assert_int_equal(count, 25);
}

static void who_runs_is_counted_by_verdict(void **state)
{
    (void)state;
    guint64 tuned = 0, stale = 0;
    {
        g_autoptr(ledger) self = open_ledger(&plenty);
        ledger_add(self, make_row("start", "a", "stale"), LEDGER_RUNS);
        ledger_add(self, make_row("start", "b", "tuned"), LEDGER_RUNS);
        ledger_add(self, make_row("plan", "a", "tuned"), LEDGER_RUNS);
        ledger_add(self, make_row("define", "c", NULL), LEDGER_NO_CHANGE);
        ledger_add(self, make_row("stop", "b", NULL), LEDGER_ENDED);
    }
    g_autoptr(ledger) again = open_ledger(&plenty); // what was pending was written at the end
    assert_int_equal(ledger_count_guests(again, "tuned", &tuned, NULL), 0);
    assert_int_equal(ledger_count_guests(again, "stale", &stale, NULL), 0);
    assert_int_equal(tuned, 1);
    assert_int_equal(stale, 0);
    assert_int_equal(ledger_count(again).rows, 5);
}

static void rows_from_a_day_on(void **state)
{
    (void)state;
    g_autoptr(ledger) self = open_ledger(&plenty);
    g_autoptr(ledger_rows) rows = NULL;
    ledger_row *late = make_row("stop", "a", NULL);
    g_free(late->at);
    late->at = g_strdup("2026-11-28T00:00:00Z");
    ledger_add(self, make_row("start", "a", "tuned"), LEDGER_RUNS);
    ledger_add(self, late, LEDGER_ENDED);
    assert_int_equal(ledger_read(self, 0, "2026-11-27T09:00:00Z", 10, &rows, NULL), 0);
    assert_int_equal(rows->rows->len, 1);
}

static void the_oldest_go_and_are_told(void **state)
{
    (void)state;
    const struct ledger_limits few = {3650, 100};
    g_autoptr(ledger) self = open_ledger(&few);
    for (int i = 0; i < 5000; i++) {
        ledger_add(self, make_row("define", "a", NULL), LEDGER_NO_CHANGE);
        assert_int_equal(i % 50 != 0 ? 0 : ledger_commit(self, NULL), 0);
    }
    g_autoptr(ledger_rows) rows = read_rows(self, 0, 1000);
    const ledger_row *first = rows->rows->pdata[0];
    struct ledger_counts counts = ledger_count(self);
    assert_in_range(rows->rows->len, 100, 600);
    assert_int_equal(counts.rows, rows->rows->len);
    assert_int_equal(counts.rows + counts.pruned, 5000);
    assert_int_equal(rows->pruned, counts.pruned);
    assert_int_equal(rows->pruned_to + 1, first->id);
}

/// A disk that is full loses nothing.
static void what_the_disk_refuses_waits(void **state)
{
    (void)state;
    g_autoptr(ledger) self = open_ledger(&plenty);
    ledger_add(self, make_row("start", "a", "tuned"), LEDGER_RUNS);
    assert_int_equal(ledger_commit(self, NULL), 0);
    struct rlimit before, none = {0, 0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    for (int i = 0; i < 100; i++) {
        ledger_add(self, make_row("define", "a", NULL), LEDGER_NO_CHANGE);
    }
    g_autoptr(cpulift_error) err = NULL;
    int rc = ledger_commit(self, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, CPULIFT_ESYSTEM);
    assert_non_null(ledger_count(self).fault);
    assert_int_equal(ledger_count(self).pending, 100);
    assert_int_equal(ledger_commit(self, NULL), 0);
    assert_null(ledger_count(self).fault);
    g_autoptr(ledger_rows) rows = read_rows(self, 0, 1000);
    assert_int_equal(rows->rows->len, 101);
}

static void refuse(const char *words)
{
    g_autoptr(ledger) opened = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_not_equal(ledger_open(path, &plenty, &opened, &err), 0);
    if (strstr(err->message, words) == NULL) {
        fail_msg("%s: %s", words, err->message);
    }
}

static void execute(const char *sql)
{
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *command = g_strdup_printf("sqlite3 %s '%s' >/dev/null", quoted, sql);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a test's own words
}

static void what_is_no_ledger_is_refused(void **state)
{
    (void)state;
    assert_int_equal(file_save(path, "no database, but long enough to be one of them, is it not\n",
                               58, 0600, NULL),
                     0);
    refuse("not a database; unless the kernel");
    assert_int_equal(g_unlink(path), 0);
    g_autofree char *program = g_find_program_in_path("sqlite3");
    if (program == NULL) {
        return;
    }
    execute("CREATE TABLE event(id)");
    refuse("another program");
    assert_int_equal(g_unlink(path), 0);
    ledger_close(open_ledger(&plenty));
    execute("PRAGMA user_version = 3");
    refuse("is of version 3");
}

static char *get_guest_xml(ledger *self)
{
    g_autoptr(ledger_row) guest = NULL;
    assert_int_equal(ledger_find_guest(self, "a", &guest, NULL), 0);
    return guest != NULL ? g_steal_pointer(&guest->xml) : NULL;
}

/// Of a guest that runs alone; a guest's rows are many.
static void the_xml_is_kept_once(void **state)
{
    (void)state;
    g_autoptr(ledger) self = open_ledger(&plenty);
    ledger_row *row = make_row("start", "a", "tuned");
    row->xml = g_strdup("<domain/>");
    ledger_add(self, row, LEDGER_RUNS);
    assert_int_equal(ledger_commit(self, NULL), 0);
    g_autoptr(ledger_rows) rows = read_rows(self, 0, 10);
    assert_null(((const ledger_row *)rows->rows->pdata[0])->xml);
    g_autofree char *xml = get_guest_xml(self);
    assert_string_equal(xml, "<domain/>");
}

static void an_older_one_is_upgraded(void **state)
{
    (void)state;
    g_autofree char *program = g_find_program_in_path("sqlite3");
    if (program == NULL) {
        SKIP("no sqlite3");
    }
    ledger *before = open_ledger(&plenty);
    ledger_add(before, make_row("start", "a", "tuned"), LEDGER_RUNS);
    ledger_close(before);
    execute("ALTER TABLE event DROP COLUMN xml; ALTER TABLE guest DROP COLUMN xml;"
            "PRAGMA user_version = 1");
    g_autoptr(ledger) self = open_ledger(&plenty);
    g_autofree char *xml = get_guest_xml(self);
    assert_null(xml);
    ledger_row *row = make_row("judged", "a", "tuned");
    row->xml = g_strdup("<domain/>");
    ledger_add(self, row, LEDGER_RUNS);
    assert_int_equal(ledger_commit(self, NULL), 0);
    g_autofree char *now = get_guest_xml(self);
    assert_string_equal(now, "<domain/>");
    assert_int_equal(ledger_count(self).rows, 2);
}

/// Adds rows in batches of any size and tells, after each commit, the id of the last.
static void add_for_ever(int fd, unsigned seed)
{
    g_autoptr(ledger) self = open_ledger(&plenty);
    g_autoptr(GRand) dice = g_rand_new_with_seed(seed);
    for (;;) {
        ledger_row *last = NULL;
        for (int i = g_rand_int_range(dice, 1, 20); i > 0; i--) {
            last = make_row("start", "a", "tuned");
            ledger_add(self, last, LEDGER_RUNS);
        }
        assert_int_equal(ledger_commit(self, NULL), 0);
        g_autoptr(ledger_rows) rows = read_rows(self, 0, 1);
        guint64 id = ledger_count(self).rows;
        if (rows->rows->len != 1 || write(fd, &id, sizeof id) != sizeof id) {
            abort();
        }
    }
}

/// What was told last before a kill at any instant.
static guint64 kill_one(unsigned seed, guint64 told)
{
    int ends[2];
    guint64 id = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        add_for_ever(ends[1], seed);
    }
    close(ends[1]);
    g_usleep(seed % 25000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (read(ends[0], &id, sizeof id) == sizeof id) {
        assert_true(id > told);
        told = id;
    }
    close(ends[0]);
    return told;
}

static void no_kill_loses_a_row_that_was_told(void **state)
{
    (void)state;
    const char *said = g_getenv("CPULIFT_SEED");
    unsigned seed = said != NULL ? (unsigned)strtoul(said, NULL, 10) : g_random_int();
    g_autoptr(GRand) dice = g_rand_new_with_seed(seed);
    print_message("# CPULIFT_SEED=%u\n", seed);
    guint64 told = 0, rows = 0;
    for (int i = 0; i < 200; i++) {
        told = kill_one(g_rand_int(dice), rows);
        g_autoptr(ledger) self = open_ledger(&plenty);
        rows = ledger_count(self).rows;
        assert_true(rows >= told);
    }
    assert_true(rows > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_added_is_read_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_follow_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_runs_is_counted_by_verdict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_from_a_day_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_go_and_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_disk_refuses_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_ledger_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_xml_is_kept_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_one_is_upgraded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_kill_loses_a_row_that_was_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
