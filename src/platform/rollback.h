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

/// Of which records, and of what of them.
struct rollback_way {
    size_t keep;           ///< so many of the oldest stay
    const store_key *only; ///< what is in this store; NULL: all
    bool is_dry;           ///< it only tells
};

/// Undoes the records (struct journal_record *, oldest first), newest first; each is forgotten when
/// it is done, so that whenever this is killed it can be done again. What has no right answer since
/// others changed it, or what its store cannot tell or does not take, is left as it is and the rest
/// goes on; a record is then kept with what was left of it, and why the first was left returned.
/// `actions` gets a line for each target, `diff` (may be NULL) what becomes of it.
int rollback_records(const GPtrArray *records, struct stores *stores,
                     const struct rollback_way *way, GPtrArray *actions, GString *diff,
                     cpulift_error **err);
