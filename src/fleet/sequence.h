// SPDX-License-Identifier: LGPL-2.1-or-later
/// The order of what is rehearsed, and of power cycles, in which nobody strands.
#pragma once

#include "fleet/order.h"
#include "fleet/rehearsal.h"

struct fleet_step {
    char *what;   ///< "update", "join", "leave", "plan" or "power cycle"
    char **names; ///< of hosts, one after the other, or of guests
};

/// Document schema cpulift.verdict/1, its "order".
typedef struct fleet_sequence {
    enum order_answer found;
    GPtrArray *steps; ///< struct fleet_step *
    char **stopped;   ///< guests that can leave their hosts even now not, and whose hosts change
    char **stranded;  ///< where there is no order: guests that strand in each
    char **poorer;    ///< hosts that cannot give the plan in the end
} fleet_sequence;

extern const struct record fleet_sequence_record;

/// Of all guests of the fleet. The caller's.
fleet_sequence *fleet_sequence_find(const struct fleet_rehearsal *rehearsal);
