// SPDX-License-Identifier: LGPL-2.1-or-later
/// The analysis of files, remembered: in memory, and on disk in $XDG_CACHE_HOME/cpulift.
#pragma once

#include "mask/look/find.h"

/// The analysed file, or why it is of no use.
struct image {
    char *name; ///< a path it had when it was first seen
    bool is_elf;
    struct find_result sites;
    bool is_reported; ///< its undecided candidates have been reported
};

struct image_store;

/// `uses_disk`: read and write the cache on disk.
struct image_store *image_store_new(bool uses_disk);
void image_store_free(struct image_store *store);

/// The analysis of an open file, borrowed from the store; NULL where it cannot be read.
struct image *image_store_get(struct image_store *store, int fd);
