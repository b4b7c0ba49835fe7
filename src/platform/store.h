// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where changes are made: the files below a root, or what something else keeps under names, such
/// as a libvirt the definitions of its guests. Journal, undo, status and diff do not know which:
/// they load a target and replace it.
#pragma once

#include "base/record.h"
#include "platform/root.h"

#include <glib.h>

/// Says in documents which store is meant; that of the files has none.
typedef struct store_key {
    char *uri; ///< by which it is opened
    char *id;  ///< the same however the URI is spelled; NULL: not known
} store_key;

extern const struct record store_key_record;

/// True where both mean the same store; NULL: the files.
bool store_key_equal(const store_key *a, const store_key *b);

/// A new key of what it says, the caller's (record_free); NULL for NULL.
store_key *store_key_copy(const store_key *key);

struct store {
    bool is_each_alone; ///< what it refuses of a set is left out, and the rest is done

    /// A target that does not exist is no error.
    int (*load)(const struct store *self, const char *target, struct root_file *ret_file,
                cpulift_error **err);

    /// Makes `target` what `file` says, at once or not at all, provided that it still is
    /// `expected`: else CPULIFT_ECONFLICT. `staged` is what stage() made, or NULL.
    int (*replace)(const struct store *self, const char *target, const struct root_file *file,
                   const struct root_file *expected, const char *staged, cpulift_error **err);

    /// Does beforehand what may fail; *ret_staged is the caller's. NULL: there is nothing to do.
    int (*stage)(const struct store *self, const char *target, const struct root_file *file,
                 char **ret_staged, cpulift_error **err);

    /// Removes what was staged; with `staged` NULL what killed runs left. NULL as stage().
    void (*discard)(const struct store *self, const char *target, const char *staged);

    void (*close)(struct store *self); ///< and frees it
};

/// All that a command may change.
struct stores {
    const root_dir *root; ///< below which the journal stands

    /// Opens another store than the files. NULL: this program has none.
    int (*open)(const store_key *key, struct store **ret_store, cpulift_error **err);
    GPtrArray *opened; ///< those that were asked for, and why one could not be opened
};

typedef struct stores platform_stores;

struct stores *stores_new(const root_dir *root,
                          int (*open)(const store_key *key, struct store **ret_store,
                                      cpulift_error **err));
void stores_free(struct stores *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(platform_stores, stores_free)

/// Adds one that is open; takes it.
void stores_add(struct stores *self, const store_key *key, struct store *opened);

/// The store of this key (NULL: the files), borrowed. What could not be opened once is not tried
/// again: the error is the same.
int stores_get(struct stores *self, const store_key *key, const struct store **ret_store,
               cpulift_error **err);
