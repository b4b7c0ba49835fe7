// SPDX-License-Identifier: LGPL-2.1-or-later
/// Taking journalled changesets back, one after the other.
#pragma once

#include "platform/change.h"

/// One journalled changeset and the file that holds it.
struct journal_record {
    char *target;
    struct root_file file;
    changeset *set;
};

/// Takes a struct journal_record *.
void journal_record_free(void *record);

/// Undoes the records (struct journal_record *, oldest first) but the oldest `keep`, newest first;
/// each is forgotten when it is done, so that whenever this is killed it can be done again. What
/// others changed and has no right answer is left as it is, the rest goes on; a record is then kept
/// with what was left of it, and CPULIFT_ECONFLICT returned. `actions` gets a line for each file,
/// `diff` (may be NULL) what becomes of it. With `is_dry` it only tells.
int rollback_records(const GPtrArray *records, size_t keep, const root_dir *root, bool is_dry,
                     GPtrArray *actions, GString *diff, cpulift_error **err);
