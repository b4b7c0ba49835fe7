// SPDX-License-Identifier: LGPL-2.1-or-later
/// A root of a test's own, and changes below it.
#pragma once

#include "platform/change.h"

struct place {
    char *path;
    root_dir *root;
    struct stores *stores; ///< its files, and those of fake_store.h
};

/// For cmocka's setup and teardown.
int set_up(void **state);
int tear_down(void **state);

/// The path of `name` in the place. The caller frees it.
char *at(const struct place *place, const char *name);

/// Makes a file with this text, and its folders.
void put(const struct place *place, const char *name, const char *text);

/// Its text, the caller's; NULL where there is none.
char *get(const struct place *place, const char *name);

/// Whether the folder or file is there, and no link leads to it.
bool has(const struct place *place, const char *name);

int add(changeset *set, const struct place *place, const char *target, const char *text,
        enum change_undo undo, cpulift_error **err);
