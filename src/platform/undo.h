// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a file or definition must become to undo a change, given what it is now. Pure: bytes in,
/// bytes out.
#pragma once

#include "platform/change.h"

/// *ret_file is what the target must be for the change to be undone, *ret_how says in a word how
/// ("unchanged", "restored", "lines taken out", "keys reset", "no longer there"; static). What is
/// no longer there stays so.
/// CPULIFT_ECONFLICT when the file was changed by others in a way that leaves no right answer.
int undo_compute(const struct change *change, const struct root_file *now,
                 struct root_file *ret_file, const char **ret_how, cpulift_error **err);

/// Whether the change is still in force, in a word or two (static): "in force …" is yes.
const char *undo_judge(const struct change *change, const struct root_file *now);
