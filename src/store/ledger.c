// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/ledger.h"

#include "base/date.h"
#include "store/table.h"

#include <stdbool.h>
#include <string.h>

#define VERSION 2

/// "cplf": by this a file says whose it is.
#define APPLICATION "1668312166"

/// So many rows keep their XML while they wait.
#define XML_PENDING_MAX 1000

/// So many rows go at once, so that nobody waits long.
#define PRUNE_MAX 2000

/// So many rows are added from one look at what is old to the next.
#define PRUNE_EVERY 500

#define DAY 86400

/// Before it there was no ledger: a clock that says so was not set yet.
#define FIRST_DAY "2026-01-01"

struct pending {
    ledger_row *row;
    enum ledger_guest guest;
};

struct ledger {
    char *path;
    sqlite3 *db;
    struct ledger_limits limits;
    GPtrArray *pending; ///< struct pending *
    guint64 rows, pruned, pruned_to, lost;
    unsigned unpruned; ///< rows since the last look
    /// What the clock said at the last look, at which second of the machine's running that was, and
    /// since which the clock has not leapt ahead.
    gint64 seen, seen_at, steady_since;
    bool is_waiting; ///< at the last look it had not gone on for long enough
    char *fault;
};

static void free_pending(void *data)
{
    struct pending *one = data;
    ledger_row_free(one->row);
    g_free(one);
}

/// SQLite calls a file broken, too, that a disk with errors does not give.
static int fail(const ledger *self, const char *what, cpulift_error **err)
{
    int code = sqlite3_errcode(self->db);
    bool is_broken = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot %s the ledger '%s': %s%s", what,
                             self->path, sqlite3_errmsg(self->db),
                             is_broken ? "; unless the kernel's log tells of errors of its disk, "
                                         "move it away, and a new one begins"
                                       : "");
}

static int execute(const ledger *self, const char *sql, const char *what, cpulift_error **err)
{
    return sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(self, what, err);
}

/// The one number that a statement gives.
static int get_number(const ledger *self, const char *sql, const char *word, guint64 *ret_number,
                      cpulift_error **err)
{
    g_auto(table_statement) statement = NULL;
    if (sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return fail(self, "read", err);
    }
    if (word != NULL) {
        sqlite3_bind_text(statement, 1, word, -1, SQLITE_STATIC);
    }
    if (sqlite3_step(statement) != SQLITE_ROW) {
        return fail(self, "read", err);
    }
    *ret_number = (guint64)sqlite3_column_int64(statement, 0);
    return 0;
}

static int check_version(const ledger *self, guint64 *ret_version, cpulift_error **err)
{
    guint64 owner = 0, tables = 0;
    TRY(get_number(self, "PRAGMA application_id", NULL, &owner, err));
    TRY(get_number(self, "PRAGMA user_version", NULL, ret_version, err));
    TRY(get_number(self, "SELECT count(*) FROM sqlite_schema", NULL, &tables, err));
    if (tables > 0 && owner != g_ascii_strtoull(APPLICATION, NULL, 10)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is a database of another program; name another folder",
                                 self->path);
    }
    return *ret_version <= VERSION
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "the ledger '%s' is of version %" G_GUINT64_FORMAT
                                   ", and this program knows %d; use the newer program, or move "
                                   "the file away",
                                   self->path, *ret_version, VERSION);
}

static int create(const ledger *self, cpulift_error **err)
{
    g_autofree char *events = table_format_create(&ledger_row_record, "event", "id", true);
    g_autofree char *guests = table_format_create(&ledger_row_record, "guest", "uuid", false);
    g_autofree char *sql =
        g_strdup_printf("BEGIN; %s; %s; CREATE INDEX guest_verdict ON guest(verdict);"
                        "CREATE TABLE pruned(rows INTEGER NOT NULL, row INTEGER NOT NULL);"
                        "INSERT INTO pruned VALUES(0, 0); PRAGMA application_id = " APPLICATION
                        "; PRAGMA user_version = %d; COMMIT",
                        events, guests, VERSION);
    return execute(self, sql, "make", err);
}

/// From each version to the next.
static int upgrade(const ledger *self, guint64 version, cpulift_error **err)
{
    static const char *const steps[VERSION] = {
        [1] = "BEGIN; ALTER TABLE event ADD COLUMN xml TEXT; ALTER TABLE guest ADD COLUMN xml TEXT;"
              "PRAGMA user_version = 2; COMMIT",
    };
    for (; version < VERSION; version++) {
        TRY(execute(self, steps[version], "upgrade", err));
    }
    return 0;
}

/// What is written is on the disk before the commit returns, and a reader never waits for it.
static int prepare(ledger *self, cpulift_error **err)
{
    guint64 version = 0;
    TRY(check_version(self, &version, err));
    TRY(execute(self,
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -256;"
                "PRAGMA journal_size_limit = 1048576; PRAGMA temp_store = MEMORY",
                "set up", err));
    return version == 0 ? create(self, err) : upgrade(self, version, err);
}

static int read_counts(ledger *self, cpulift_error **err)
{
    TRY(get_number(self, "SELECT count(*) FROM event", NULL, &self->rows, err));
    TRY(get_number(self, "SELECT rows FROM pruned", NULL, &self->pruned, err));
    return get_number(self, "SELECT row FROM pruned", NULL, &self->pruned_to, err);
}

/// A clock that leaps ahead makes all rows old, and what goes is gone for ever: it is believed when
/// it has gone on for a day.
static bool is_steady(ledger *self, gint64 now)
{
    gint64 at = g_get_monotonic_time() / G_USEC_PER_SEC;
    if (now - self->seen > at - self->seen_at + DAY) {
        self->steady_since = at;
    }
    self->seen = now;
    self->seen_at = at;
    return at - self->steady_since >= DAY;
}

int ledger_open(const char *path, const struct ledger_limits *limits, ledger **ret_ledger,
                cpulift_error **err)
{
    g_autoptr(ledger) self = g_new0(ledger, 1);
    self->path = g_strdup(path);
    self->limits = *limits;
    self->pending = g_ptr_array_new_with_free_func(free_pending);
    self->unpruned = PRUNE_EVERY;
    self->seen = g_get_real_time() / G_USEC_PER_SEC;
    self->seen_at = self->steady_since = g_get_monotonic_time() / G_USEC_PER_SEC;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(path, &self->db, flags, NULL) != SQLITE_OK) {
        return fail(self, "open", err);
    }
    (void)sqlite3_busy_timeout(self->db, 2000);
    TRY(prepare(self, err));
    TRY(read_counts(self, err));
    *ret_ledger = g_steal_pointer(&self);
    return 0;
}

void ledger_add(ledger *self, ledger_row *row, enum ledger_guest guest)
{
    if (self->pending->len >= LEDGER_PENDING_MAX) {
        self->lost++;
        ledger_row_free(row);
        return;
    }
    if (self->pending->len >= XML_PENDING_MAX) {
        g_clear_pointer(&row->xml, g_free); // it comes again
    }
    struct pending *one = g_new(struct pending, 1);
    *one = (struct pending){row, guest};
    g_ptr_array_add(self->pending, one);
}

static int write_guest(ledger *self, const struct pending *one, cpulift_error **err)
{
    const bool is_running = one->guest == LEDGER_RUNS;
    if (one->guest == LEDGER_NO_CHANGE) {
        return 0;
    }
    return is_running ? table_insert(self->db, &ledger_row_record, "guest", one->row, err)
                      : table_delete(self->db, "guest", "uuid", one->row->uuid, err);
}

static int write_all(ledger *self, cpulift_error **err)
{
    for (size_t i = 0; i < self->pending->len; i++) {
        const struct pending *one = self->pending->pdata[i];
        char *xml = g_steal_pointer(&one->row->xml); // of guests that run alone
        one->row->id = 0;                            // of an attempt that failed
        int rc = table_insert(self->db, &ledger_row_record, "event", one->row, err);
        one->row->xml = xml;
        TRY(rc);
        one->row->id = (guint64)sqlite3_last_insert_rowid(self->db);
        TRY(write_guest(self, one, err));
    }
    return 0;
}

/// Up to which row all are old, 0: none is. A row is not older than one before it that is young:
/// the clock may have been wrong when it was written. Dates that cannot be go with what follows
/// them, however many they are.
static int find_old(const ledger *self, gint64 now, guint64 *ret_last, cpulift_error **err)
{
    g_autofree char *young = date_format(now - (gint64)self->limits.days * DAY);
    g_autofree char *today = date_format(now);
    g_autofree char *sql = g_strdup_printf(
        "WITH head AS (SELECT id, at FROM event WHERE id >= (SELECT id FROM event WHERE at >= "
        "'" FIRST_DAY "' AND at <= '%s' ORDER BY id LIMIT 1) ORDER BY id LIMIT %d)"
        " SELECT ifnull(max(id), 0) FROM head WHERE at >= '" FIRST_DAY "' AND at < '%s' AND id <"
        " ifnull((SELECT min(id) FROM head WHERE at >= '%s' AND at <= '%s'), id + 1)",
        today, PRUNE_MAX, young, young, today);
    return get_number(self, sql, NULL, ret_last, err);
}

/// The oldest rows go that are beyond the limits, *ret_count of them up to *ret_last; none before
/// an older one does.
static int prune(ledger *self, guint64 rows, guint64 *ret_count, guint64 *ret_last,
                 cpulift_error **err)
{
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    guint64 beyond = rows > self->limits.rows ? rows - self->limits.rows : 0, old = 0;
    self->is_waiting = !is_steady(self, now);
    TRY(self->is_waiting ? 0 : find_old(self, now, &old, err));
    g_autofree char *these = g_strdup_printf(
        "FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM event ORDER BY id LIMIT %d)"
        " WHERE id <= %" G_GUINT64_FORMAT " OR n <= %" G_GUINT64_FORMAT,
        PRUNE_MAX, old, beyond);
    g_autofree char *last = g_strconcat("SELECT ifnull(max(id), 0) ", these, NULL);
    g_autofree char *count = g_strconcat("SELECT count(*) ", these, NULL);
    TRY(get_number(self, last, NULL, ret_last, err));
    TRY(get_number(self, count, NULL, ret_count, err));
    if (*ret_count == 0) {
        return 0;
    }
    g_autofree char *pruned = g_strdup_printf("UPDATE pruned SET rows = rows + %" G_GUINT64_FORMAT
                                              ", row = max(row, %" G_GUINT64_FORMAT
                                              "); DELETE FROM event WHERE id <= %" G_GUINT64_FORMAT,
                                              *ret_count, *ret_last, *ret_last);
    return execute(self, pruned, "write", err);
}

/// After so many rows, and when the clock may be believed at last: few may come from then on.
static bool is_prune_due(const ledger *self)
{
    gint64 at = g_get_monotonic_time() / G_USEC_PER_SEC;
    return self->unpruned + self->pending->len >= PRUNE_EVERY ||
           (self->is_waiting && at - self->steady_since >= DAY);
}

static int commit(ledger *self, cpulift_error **err)
{
    guint64 count = 0, last = 0;
    bool is_due = is_prune_due(self);
    TRY(execute(self, "BEGIN IMMEDIATE", "write", err));
    TRY(write_all(self, err));
    TRY(is_due ? prune(self, self->rows + self->pending->len, &count, &last, err) : 0);
    TRY(execute(self, "COMMIT", "write", err));
    self->rows += self->pending->len - count;
    self->pruned += count;
    self->pruned_to = MAX(self->pruned_to, last);
    // More may be old than goes at once.
    self->unpruned = is_due && count < PRUNE_MAX ? 0 : self->unpruned + self->pending->len;
    return 0;
}

int ledger_commit(ledger *self, cpulift_error **err)
{
    g_autoptr(cpulift_error) why = NULL;
    if (self->pending->len == 0) {
        return 0;
    }
    g_clear_pointer(&self->fault, g_free);
    int rc = commit(self, &why);
    if (rc != 0) {
        (void)sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
        self->fault = g_strdup(why->message);
        return cpulift_error_set(err, rc, "%s", why->message);
    }
    g_ptr_array_set_size(self->pending, 0);
    return 0;
}

int ledger_read(ledger *self, guint64 since, const char *from, unsigned limit,
                ledger_rows **ret_rows, cpulift_error **err)
{
    g_autoptr(ledger_rows) rows = record_new(&ledger_rows_record);
    g_autofree char *where =
        g_strdup_printf("id > %" G_GUINT64_FORMAT " AND at >= ?1 ORDER BY id LIMIT %u", since,
                        MIN(limit, LEDGER_PAGE_MAX));
    (void)ledger_commit(self, NULL); // what cannot be written is not read
    rows->pruned = self->pruned;
    rows->pruned_to = self->pruned_to;
    TRY(table_read(self->db, &ledger_row_record, "event", where, from != NULL ? from : "",
                   rows->rows, err));
    const ledger_row *last = rows->rows->len > 0 ? rows->rows->pdata[rows->rows->len - 1] : NULL;
    rows->next = last != NULL ? last->id : since;
    *ret_rows = g_steal_pointer(&rows);
    return 0;
}

int ledger_read_guests(ledger *self, const char *after, unsigned limit, ledger_guests **ret_guests,
                       cpulift_error **err)
{
    g_autoptr(ledger_guests) guests = record_new(&ledger_guests_record);
    unsigned most = MIN(limit, LEDGER_PAGE_MAX);
    g_autofree char *where = g_strdup_printf("uuid > ?1 ORDER BY uuid LIMIT %u", most);
    (void)ledger_commit(self, NULL);
    TRY(table_read(self->db, &ledger_row_record, "guest", where, after != NULL ? after : "",
                   guests->guests, err));
    if (most > 0 && guests->guests->len == most) {
        const ledger_row *last = guests->guests->pdata[most - 1];
        guests->next = g_strdup(last->uuid);
    }
    *ret_guests = g_steal_pointer(&guests);
    return 0;
}

int ledger_find_guest(ledger *self, const char *uuid, ledger_row **ret_row, cpulift_error **err)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(ledger_row_free);
    TRY(table_read(self->db, &ledger_row_record, "guest", "uuid = ?1", uuid, found, err));
    *ret_row = found->len > 0 ? g_ptr_array_steal_index(found, 0) : NULL;
    return 0;
}

int ledger_count_guests(ledger *self, const char *verdict, guint64 *ret_count, cpulift_error **err)
{
    (void)ledger_commit(self, NULL);
    return get_number(self, "SELECT count(*) FROM guest WHERE verdict = ?1", verdict, ret_count,
                      err);
}

struct ledger_counts ledger_count(const ledger *self)
{
    return (struct ledger_counts){self->rows, self->pruned, self->pending->len, self->lost,
                                  self->fault};
}

void ledger_close(ledger *self)
{
    if (self != NULL) {
        if (self->pending->len > 0) {
            (void)ledger_commit(self, NULL);
        }
        sqlite3_close_v2(self->db);
        g_ptr_array_unref(self->pending);
        g_free(self->path);
        g_free(self->fault);
        g_free(self);
    }
}
