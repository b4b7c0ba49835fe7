// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where a file that replaces another is to be made.
#pragma once

/// The file that `path` leads to by its last links, which need not be there: renaming to it keeps
/// the links. The caller frees it. NULL, with errno, where links go in a circle.
char *target_find(const char *path);
