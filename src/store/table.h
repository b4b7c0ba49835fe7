// SPDX-License-Identifier: LGPL-2.1-or-later
/// Records (base/record.h) as rows of a table of SQLite: a column for each member, by its key.
#pragma once

#include "base/error.h"
#include "base/record.h"

#include <sqlite3.h>
#include <stdbool.h>

typedef sqlite3_stmt *table_statement;
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(table_statement, sqlite3_finalize, NULL)

/// The statement that makes the table; `key` is its primary key, which with `is_counted` is a
/// number that grows and is given by SQLite. The caller's.
char *table_format_create(const struct record *self, const char *table, const char *key,
                          bool is_counted);

/// Puts the struct at `base` into the table, in the place of one that has its key.
int table_insert(sqlite3 *db, const struct record *self, const char *table, const void *base,
                 cpulift_error **err);

/// Removes the rows whose column has this value.
int table_delete(sqlite3 *db, const char *table, const char *column, const char *value,
                 cpulift_error **err);

/// Adds to `items` a struct for each row that `where` names, in which ?1 is `value`.
int table_read(sqlite3 *db, const struct record *self, const char *table, const char *where,
               const char *value, GPtrArray *items, cpulift_error **err);
