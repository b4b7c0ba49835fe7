// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a ledger of guests says, as documents: cpulift.ledger/1 and cpulift.guests/1.
#pragma once

#include "base/record.h"

/// Something that happened, to a guest or to the host; of a guest that runs, the last that decided
/// on its verdict. Strings are owned; NULL: not known, or there is none.
typedef struct ledger_row {
    guint64 id;              ///< grows; 0: it stands in no ledger yet
    char *at;                ///< when, in UTC: "2026-11-26T15:40:00Z"
    char *boot;              ///< which run of the host's kernel
    char *event, *how;       ///< see ledger_row_record
    char *uuid, *name;       ///< of the guest
    guint64 number;          ///< libvirt's of this start of it; 0: not known
    char *verdict, *why;     ///< as struct fleet_verdict
    char **missing, **extra; ///< likewise
    char *qemu;              ///< version that started it
    char *plan;              ///< digest of the plan that it was held against
    char *xml; ///< what of its live XML decides where it can go; only of a guest that runs
} ledger_row;

extern const struct record ledger_row_record;

void ledger_row_free(void *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ledger_row, ledger_row_free)

/// Rows of a ledger from one on.
typedef struct ledger_rows {
    GPtrArray *rows;   ///< ledger_row *
    guint64 next;      ///< where to go on: the id of the last one that was looked at
    guint64 pruned;    ///< so many rows are gone for ever,
    guint64 pruned_to; ///< the last of them with this id
} ledger_rows;

/// The guests that run.
typedef struct ledger_guests {
    GPtrArray *guests; ///< ledger_row *, by uuid
    char *next;        ///< more follow after this uuid; NULL: these are all
    char *blind;       ///< why libvirt is not heard, and others may run meanwhile; NULL: it is
} ledger_guests;

extern const struct record ledger_rows_record, ledger_guests_record;

void ledger_rows_free(ledger_rows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ledger_rows, ledger_rows_free)

void ledger_guests_free(ledger_guests *guests);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ledger_guests, ledger_guests_free)
