// SPDX-License-Identifier: LGPL-2.1-or-later
/// The catalogue's inside, shared by its loader and its queries.
#pragma once

#include "core/catalog.h"

struct catalog {
    GPtrArray *features;     ///< struct catalog_feature *, sorted by name: the index is the id
    GPtrArray *models;       ///< struct catalog_model *, in the map's order
    GPtrArray *vendors;      ///< struct catalog_vendor *
    GHashTable *ids;         ///< folded name → id + 1
    GHashTable *model_names; ///< name → struct catalog_model *, borrowed
    feature_set *needs;      ///< per id, what it cannot work without
};

/// Folds a feature's spelling: lower case, without '-', '_' and '.'. The caller frees it.
char *catalog_fold_name(const char *name);

/// True if `pattern` (which may end with '*') matches `name`.
bool catalog_matches(const char *pattern, const char *name);

/// Fills ids, classes and needs, once the features are loaded and sorted.
int catalog_link_tables(catalog *map, cpulift_error **err);

/// Gives each model what QEMU adds to it (core/tables/qemu_models.def).
int catalog_link_models(catalog *map, cpulift_error **err);
