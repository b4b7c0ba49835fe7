// SPDX-License-Identifier: LGPL-2.1-or-later
/// Making changesets true, and undoing them.
///
/// The journal is a folder below the root, JOURNAL_FOLDER, with one changeset document for each
/// apply, written and synchronised before the first file changes and removed when the change has
/// been undone. A run that is killed leaves "NUMBER.pending", one that ended "NUMBER.json"; in both
/// cases every file is wholly old or wholly new, and journal_rollback() finds out which. The same
/// holds for definitions, which another store has. What an older version kept of these becomes a
/// record like others (platform/domains.h).
#pragma once

#include "platform/change.h"
#include "platform/journal_folder.h"

/// Makes all changes of the set or none. CPULIFT_ECONFLICT when a file is no longer what the set's
/// `before` says, or another cpulift is at work. A set without changes does nothing. What a store
/// whose changes stand each alone does not take, the rest being done, has its `why`; that of which
/// it is certain that nothing was changed goes from the set to `refused` (struct change *; may be
/// NULL: it is freed).
int changeset_apply(changeset *set, struct stores *stores, GPtrArray *refused, cpulift_error **err);

/// *ret_is: an apply was killed before it ended.
int journal_is_pending(const root_dir *root, bool *ret_is, cpulift_error **err);

/// Undoes what a killed apply began; to be called before the state is read for a new one. Does
/// nothing where none was killed. A journal that cannot be read is refused: what is written on top
/// of it could not be undone.
int journal_recover(struct stores *stores, cpulift_error **err);

/// The changesets that are in force, oldest first: struct changeset pointers in an array that frees
/// them.
int journal_load(const root_dir *root, GPtrArray **ret_sets, cpulift_error **err);

/// How far back.
struct journal_way {
    bool is_dry;            ///< only told, not gone
    bool is_one;            ///< the newest apply alone
    const cpulift_plan *to; ///< the newest, until this plan is what is in force; NULL: all
    const store_key *only;  ///< what is in this store; NULL: all
};

/// Undoes journalled changes (`way` NULL: all), newest first, and forgets them; see
/// rollback_records(). Killed at any point, it can be done again. `*ret_actions` (may be NULL) gets
/// a line for each file: the caller's, an array of strings, after an error too; `diff` (may be
/// NULL) what becomes of the files, one change after the other. CPULIFT_EREFUSED: no apply that is
/// left put `way->to` in force.
int journal_rollback(struct stores *stores, const struct journal_way *way, GPtrArray **ret_actions,
                     GString *diff, cpulift_error **err);
