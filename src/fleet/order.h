// SPDX-License-Identifier: LGPL-2.1-or-later
/// In which order hosts may change, one at a time, so that no guest strands: at every moment each
/// guest that could leave its host can, which is where two hosts or more take it. Exact where the
/// search comes to its end.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The side of its change on which a host stands.
enum order_side { ORDER_OLD, ORDER_NEW, ORDER_SIDES };

/// What CPU a guest has: its own, or that of a plan, by which QEMU it was started with.
enum order_status {
    ORDER_AS_IS,
    ORDER_BY_OLD_PLAN,
    ORDER_BY_OLD_PLAN_NEWER, ///< on a QEMU from which on topology is a property
    ORDER_BY_NEW_PLAN,
    ORDER_BY_NEW_PLAN_NEWER,
    ORDER_STATUSES,
};

/// Hosts that change alike.
struct order_group {
    size_t count;
    bool is_there[ORDER_SIDES]; ///< false: before it joins, after it has left
    bool stays;                 ///< nothing changes there
    bool gives[ORDER_SIDES];    ///< the new plan
};

/// Guests that are alike.
struct order_guests {
    guint64 weight; ///< what a power cycle of theirs costs
    bool exists[ORDER_STATUSES];
    const bool *can[ORDER_STATUSES][ORDER_SIDES]; ///< of each group: it takes them
};

struct order_problem {
    const struct order_group *groups;
    const struct order_guests *guests;
    size_t group_count, guest_count;
    bool has_plan; ///< a new plan is to come into force, once no host is left that cannot give it
                   ///< yet
};

enum order_answer { ORDER_UNKNOWN, ORDER_FOUND, ORDER_NONE };

/// "not found" (not every order was tried), "yes", "no".
extern const char *const order_words[];

/// The new plan comes into force; else the index of a group.
#define ORDER_PLAN SIZE_MAX

/// `hosts` of the group change, one after the other; then power cycles.
struct order_step {
    size_t group, hosts;
    enum order_status *statuses; ///< of each of the problem's guests from then on; owned
};

/// Finds the order with the fewest power cycles, or, where `budget` states are not enough for that,
/// any within as many. *ret_steps (struct order_step) is the caller's; the first is none: what must
/// be done before any. NULL where no order is found.
enum order_answer order_find(const struct order_problem *problem, size_t budget,
                             GArray **ret_steps);
