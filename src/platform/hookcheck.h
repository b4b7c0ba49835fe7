// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whether what an installed hook runs is there and answers: the hook's file tells nothing of it.
#pragma once

#include "platform/root.h"

/// What is wrong with the program that a file of ours runs, as the end of a sentence that begins
/// with the file; NULL: nothing, or it runs none here. Looked for below the root, then on this
/// system, where it is run too, if nobody but root and who runs this can have written it. The
/// caller's.
char *hookcheck_find_fault(const root_dir *root, const char *target, const root_file *file);
