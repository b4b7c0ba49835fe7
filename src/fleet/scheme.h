// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is rehearsed as the search for its order takes it: hosts that change alike, and guests that
/// can go to the same of them.
#pragma once

#include "fleet/order.h"
#include "fleet/places.h"
#include "fleet/rehearsal.h"

/// Guests that are alike in where they can go.
struct scheme_band {
    bool exists[ORDER_STATUSES];
    bool *can;        ///< statuses × sides × groups
    GPtrArray *names; ///< borrowed
};

/// Guests as they would be after a power cycle, and where these can go.
struct scheme_restart {
    GPtrArray *guests;
    fleet_matrix *sides[ORDER_SIDES];
};

typedef struct fleet_scheme {
    const struct fleet_rehearsal *of;
    fleet_places *places;
    GArray *groups;     ///< struct order_group: hosts that change alike, and are so for every guest
    GPtrArray *hosts;   ///< GPtrArray * of each group: the names, sorted; borrowed
    GPtrArray *bands;   ///< struct scheme_band *, of the guests that can leave their hosts now
    GPtrArray *stopped; ///< names of those that cannot, and whose hosts change; borrowed
    GPtrArray *poorer;  ///< names of hosts that cannot give the plan in the end; borrowed
    struct scheme_restart restarts[ORDER_STATUSES];
} fleet_scheme;

/// Of all guests of the rehearsal, which must outlive it. The caller's.
fleet_scheme *fleet_scheme_new(const struct fleet_rehearsal *rehearsal);
void fleet_scheme_free(fleet_scheme *scheme);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fleet_scheme, fleet_scheme_free)

/// Of each group, whether its hosts on this side take the band's guests in this status.
bool *fleet_scheme_get_can(const fleet_scheme *scheme, const struct scheme_band *band,
                           size_t status, size_t side);
