// SPDX-License-Identifier: LGPL-2.1-or-later
/// The hosts of a fleet as they are and as they would be, side by side.
#pragma once

#include "fleet/matrix.h"

#define FLEET_NOWHERE SIZE_MAX

struct fleet_place {
    const char *name;     ///< borrowed from the hosts
    size_t before, after; ///< index of its kind; FLEET_NOWHERE: it is not among them
    bool is_changed;      ///< it is among both, and its document is another
};

/// Of struct fleet_place, by name.
typedef GArray fleet_places;

/// Of the same hosts before and after a change: inventory_derive(). Both must outlive it.
fleet_places *fleet_places_new(const inventory *before, const inventory *after);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fleet_places, g_array_unref)

/// True where hosts of this kind are known to take the guest of this index.
bool fleet_places_can(const fleet_matrix *matrix, size_t guest, size_t host_kind);
