// SPDX-License-Identifier: LGPL-2.1-or-later
/// A ledger of guests on the disk (SQLite, one writer): rows are only added, and go when they are
/// old; and which guests run.
#pragma once

#include "base/error.h"
#include "store/rows.h"

/// So many rows wait in memory while the disk does not take them; then the newest are lost, and
/// counted.
#define LEDGER_PENDING_MAX 100000

/// So many rows or guests are read at once at most.
#define LEDGER_PAGE_MAX 1000

struct ledger_limits {
    unsigned days; ///< older rows go
    unsigned rows; ///< and the oldest beyond so many
};

/// What a row says of whether its guest runs.
enum ledger_guest {
    LEDGER_NO_CHANGE,
    LEDGER_RUNS,  ///< it does, with the verdict of this row
    LEDGER_ENDED, ///< no longer
};

struct ledger_counts {
    guint64 rows, pruned; ///< in the ledger, and gone for ever
    size_t pending;       ///< added and not yet on the disk
    guint64 lost;         ///< beyond LEDGER_PENDING_MAX
    const char *fault;    ///< why the disk does not take any; NULL: it does
};

typedef struct ledger ledger;

/// Opens or makes it. One of a newer version, or that is none, is refused. The caller's.
int ledger_open(const char *path, const struct ledger_limits *limits, ledger **ret_ledger,
                cpulift_error **err);

/// Adds a row, which it takes, and sets its id when it is written. It may be lost until
/// ledger_commit() says 0.
void ledger_add(ledger *self, ledger_row *row, enum ledger_guest guest);

/// Writes what was added, all of it at once; what it wrote survives the end of the process and of
/// the machine. After an error all is still there and is written next time.
int ledger_commit(ledger *self, cpulift_error **err);

/// Rows after the id `since` that are not older than `from` (NULL: however old), at most `limit`.
/// What is read has been committed. The caller's.
int ledger_read(ledger *self, guint64 since, const char *from, unsigned limit,
                ledger_rows **ret_rows, cpulift_error **err);

/// The guests that run, after a uuid (NULL: from the first). The caller's.
int ledger_read_guests(ledger *self, const char *after, unsigned limit, ledger_guests **ret_guests,
                       cpulift_error **err);

/// The guest of this uuid as it was last committed, the caller's; *ret_row NULL: it does not run.
int ledger_find_guest(ledger *self, const char *uuid, ledger_row **ret_row, cpulift_error **err);

/// How many guests with this verdict run.
int ledger_count_guests(ledger *self, const char *verdict, guint64 *ret_count, cpulift_error **err);

struct ledger_counts ledger_count(const ledger *self);

/// Writes what is pending, if it can.
void ledger_close(ledger *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ledger, ledger_close)
