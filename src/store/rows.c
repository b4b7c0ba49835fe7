// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/rows.h"

#define ROW(member)    RECORD_AT(ledger_row, member)
#define ROWS(member)   RECORD_AT(ledger_rows, member)
#define GUESTS(member) RECORD_AT(ledger_guests, member)

static const char *const verdicts[] = {"tuned", "stale", "foreign", "own", "unknown", NULL};

const struct record ledger_row_record = {
    RECORD_ROWS(
        {"id", &record_uint, ROW(id), .meaning = "grows from row to row"},
        {"at", &record_string, ROW(at), RECORD_REQUIRED, .meaning = "when, in UTC"},
        {"boot", &record_string, ROW(boot), .meaning = "which run of the host's kernel"},
        {"event", &record_string, ROW(event), RECORD_REQUIRED,
         .meaning =
             "`start`, `stop`, `define`, `undefine`; `found`, `gone`: a start or a stop that "
             "was seen only afterwards; `judged`: a guest that runs has another verdict or XML; "
             "`host`: a scan of the host; `agent`: of the agent itself"},
        {"how", &record_string, ROW(how),
         .meaning = "in libvirt's word, `booted`, `migrated` …; of the agent: `started`, `blind`, "
                    "`sees`: from `blind` to `sees` libvirt did not answer; `overrun`: more "
                    "happened than it could take; of the host: `changed`, `does not give the "
                    "plan`, `gives the plan` again"},
        {"uuid", &record_string, ROW(uuid), .meaning = "of the guest; absent: it is of none"},
        {"name", &record_string, ROW(name)},
        {"number", &record_uint, ROW(number), .meaning = "libvirt's, of this start of the guest"},
        {"verdict", &record_name, ROW(verdict), .words = verdicts,
         .meaning = "as in cpulift.verdict/1"},
        {"why", &record_string, ROW(why)}, {"missing", &record_strings, ROW(missing)},
        {"extra", &record_strings, ROW(extra)},
        {"qemu", &record_version, ROW(qemu), .meaning = "that started it"},
        {"plan", &record_string, ROW(plan),
         .meaning = "the first 16 digits of the SHA-256 of the plan that it was held against, in "
                    "one line with sorted keys"},
        {"xml", &record_string, ROW(xml), RECORD_TEXT,
         .meaning = "what of its live XML decides where it can go, as libvirt said it at that "
                    "time; only of a guest that runs"}),
    .size = sizeof(ledger_row),
    .destroy = ledger_row_free,
};

void ledger_row_free(void *row)
{
    record_free(&ledger_row_record, row);
}

const struct record ledger_rows_record = {
    .schema = "cpulift.ledger/1",
    RECORD_ROWS(
        {"rows", &record_list, ROWS(rows), RECORD_REQUIRED, .record = &ledger_row_record},
        {"next", &record_uint, ROWS(next), RECORD_ALWAYS,
         .meaning = "the id after which to go on; the same as that asked for: there is no more"},
        {"pruned", &record_uint, ROWS(pruned), RECORD_ALWAYS,
         .meaning = "so many rows are gone for ever"},
        {"pruned_to", &record_uint, ROWS(pruned_to), RECORD_ALWAYS,
         .meaning = "the id of the last of them"}),
    .size = sizeof(ledger_rows),
};

void ledger_rows_free(ledger_rows *rows)
{
    record_free(&ledger_rows_record, rows);
}

const struct record ledger_guests_record = {
    .schema = "cpulift.guests/1",
    RECORD_ROWS(
        {"guests", &record_list, GUESTS(guests), RECORD_REQUIRED, .record = &ledger_row_record,
         .meaning = "those that run, by uuid: each as the row of its ledger that decided "
                    "last on its verdict"},
        {"next", &record_string, GUESTS(next),
         .meaning = "more follow after this uuid; absent: these are all"},
        {"blind", &record_string, GUESTS(blind),
         .meaning = "why the agent does not hear libvirt: others may run meanwhile; absent: "
                    "it does"}),
    .size = sizeof(ledger_guests),
};

void ledger_guests_free(ledger_guests *guests)
{
    record_free(&ledger_guests_record, guests);
}
