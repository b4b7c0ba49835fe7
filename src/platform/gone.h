// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a rollback cannot put back, because the platform that had the file is gone: kept where the
/// operator finds it.
#pragma once

#include "platform/root.h"

/// The folder, below the root, in which the files stand as they stood below it.
#define GONE_FOLDER "var/lib/cpulift/gone"

/// Where a file that was `file` at `target` is kept, or would be: the caller's. One that is there
/// already with this content is that; another is not overwritten.
char *gone_find_place(const root_dir *root, const char *target, const struct root_file *file);

/// Keeps it there, for its owner alone: it may hold secrets.
int gone_keep(const root_dir *root, const char *place, const struct root_file *file,
              cpulift_error **err);
