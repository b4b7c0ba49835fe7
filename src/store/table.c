// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/table.h"

#include <string.h>

static int fail(sqlite3 *db, const char *what, const char *table, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot %s '%s' of the ledger: %s", what, table,
                             sqlite3_errmsg(db));
}

static bool is_number(const record_row *row)
{
    return row->kind == &record_uint;
}

/// The names of the columns, each after `before` and before `after`, between commas.
static char *list_columns(const struct record *self, const char *format)
{
    GString *out = g_string_new(NULL);
    for (const record_row *row = self->rows; row->key != NULL; row++) {
        g_auto(GStrv) parts = g_strsplit(format, "NAME", -1);
        g_autofree char *column = g_strjoinv(row->key, parts);
        g_string_append_printf(out, "%s%s", out->len > 0 ? ", " : "", column);
    }
    return g_string_free(out, FALSE);
}

char *table_format_create(const struct record *self, const char *table, const char *key,
                          bool is_counted)
{
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "CREATE TABLE %s(", table);
    for (const record_row *row = self->rows; row->key != NULL; row++) {
        bool is_key = strcmp(row->key, key) == 0;
        g_string_append_printf(out, "%s\"%s\" %s%s", row == self->rows ? "" : ", ", row->key,
                               is_number(row) ? "INTEGER" : "TEXT",
                               !is_key      ? ""
                               : is_counted ? " PRIMARY KEY AUTOINCREMENT"
                                            : " PRIMARY KEY");
    }
    g_string_append_c(out, ')');
    return g_string_free(out, FALSE);
}

static void bind(sqlite3_stmt *statement, int at, const record_row *row, const void *base)
{
    const void *place = record_get_place(row, base);
    if (is_number(row)) {
        guint64 number = *(const guint64 *)place;
        (void)(number != 0 ? sqlite3_bind_int64(statement, at, (sqlite3_int64)number)
                           : sqlite3_bind_null(statement, at));
        return;
    }
    if (row->kind == &record_strings) {
        char *const *list = *(char *const *const *)place;
        char *joined = list != NULL ? g_strjoinv(" ", (char **)list) : NULL;
        sqlite3_bind_text(statement, at, joined, -1, g_free);
        return;
    }
    sqlite3_bind_text(statement, at, *(const char *const *)place, -1, SQLITE_STATIC);
}

int table_insert(sqlite3 *db, const struct record *self, const char *table, const void *base,
                 cpulift_error **err)
{
    g_autofree char *names = list_columns(self, "\"NAME\"");
    g_autofree char *values = list_columns(self, "?");
    g_autofree char *sql =
        g_strdup_printf("INSERT OR REPLACE INTO %s(%s) VALUES(%s)", table, names, values);
    g_auto(table_statement) statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return fail(db, "write to", table, err);
    }
    int at = 1;
    for (const record_row *row = self->rows; row->key != NULL; row++) {
        bind(statement, at++, row, base);
    }
    return sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(db, "write to", table, err);
}

int table_delete(sqlite3 *db, const char *table, const char *column, const char *value,
                 cpulift_error **err)
{
    g_autofree char *sql = g_strdup_printf("DELETE FROM %s WHERE \"%s\" = ?1", table, column);
    g_auto(table_statement) statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return fail(db, "delete from", table, err);
    }
    sqlite3_bind_text(statement, 1, value, -1, SQLITE_STATIC);
    return sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(db, "delete from", table, err);
}

static void take(sqlite3_stmt *statement, int at, const record_row *row, void *base)
{
    void *place = record_get_place(row, base);
    const char *text = (const char *)sqlite3_column_text(statement, at);
    if (is_number(row)) {
        *(guint64 *)place = (guint64)sqlite3_column_int64(statement, at);
    } else if (row->kind == &record_strings) {
        *(char ***)place = text == NULL    ? NULL
                           : *text == '\0' ? g_new0(char *, 1)
                                           : g_strsplit(text, " ", -1);
    } else {
        *(char **)place = g_strdup(text);
    }
}

int table_read(sqlite3 *db, const struct record *self, const char *table, const char *where,
               const char *value, GPtrArray *items, cpulift_error **err)
{
    g_autofree char *names = list_columns(self, "\"NAME\"");
    g_autofree char *sql = g_strdup_printf("SELECT %s FROM %s WHERE %s", names, table, where);
    g_auto(table_statement) statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return fail(db, "read", table, err);
    }
    sqlite3_bind_text(statement, 1, value, -1, SQLITE_STATIC);
    int rc = SQLITE_ROW;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        void *item = record_new(self);
        int at = 0;
        for (const record_row *row = self->rows; row->key != NULL; row++) {
            take(statement, at++, row, item);
        }
        g_ptr_array_add(items, item);
    }
    return rc == SQLITE_DONE ? 0 : fail(db, "read", table, err);
}
