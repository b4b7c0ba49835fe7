// SPDX-License-Identifier: LGPL-2.1-or-later
/// The folder that holds the journal: made with its first record in it and removed with its last,
/// each in one step, so that whenever this is killed no folder is left that no record speaks of;
/// and the lock of whoever works on the root.
#pragma once

#include "platform/root.h"

#include <glib.h>

#define JOURNAL_STATE_FOLDER "var/lib/cpulift"
#define JOURNAL_FOLDER       JOURNAL_STATE_FOLDER "/journal"

/// Holds off other cpulifts while *ret_fd is open: CPULIFT_ECONFLICT where another is at work. -1
/// where there is no journal yet. The lock is the folder itself, which only its owner may enter;
/// one that was removed meanwhile is none.
int journal_folder_lock(const root_dir *root, int *ret_fd, cpulift_error **err);

/// CPULIFT_EREFUSED where another user than root and who runs this could have put records there:
/// by one of theirs a rollback would write any file as root.
int journal_folder_check_owner(const root_dir *root, cpulift_error **err);

/// Makes the folder with `record` as its file `target`, and what it lacks above it, named in
/// `folders` too; it is locked before anybody sees it. CPULIFT_ECONFLICT where another was quicker.
int journal_folder_make(const root_dir *root, const char *target, const struct root_file *record,
                        int *ret_fd, cpulift_error **err);

/// Removes a record, which must hold `expected`, and those of `folders` (outermost first) that were
/// made for it and are empty without it.
int journal_folder_forget(const root_dir *root, const char *target,
                          const struct root_file *expected, const GPtrArray *folders,
                          cpulift_error **err);

/// Removes what a killed journal_folder_make() or journal_folder_forget() left.
void journal_folder_sweep(const root_dir *root);
