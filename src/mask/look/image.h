// SPDX-License-Identifier: LGPL-2.1-or-later
/// The analysis of files, remembered while the program runs and no longer: to look into a file
/// costs less than to know that it is the one that was looked into before.
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

struct image_store *image_store_new(void);
void image_store_free(struct image_store *store);

/// The analysis of an open file, borrowed from the store; NULL where it cannot be read.
struct image *image_store_get(struct image_store *store, int fd);
