// SPDX-License-Identifier: LGPL-2.1-or-later
/// The plan in force: the last good one that its source told, which is also kept on the disk.
#pragma once

#include "agent/source.h"
#include "core/plan.h"

typedef struct plans plans;

/// What may be known of it.
struct plans_state {
    const cpulift_plan *plan; ///< in force; NULL: there has been none
    const char *digest;       ///< of its document, 16 digits; NULL as well
    gint64 since;             ///< when this agent took it, in seconds since 1970
    const char *fault;        ///< why what the source has now is not in force; NULL: it is
    guint64 faults;           ///< how often that happened
};

/// Refuses a root that is no folder: there would be no keys.
int plans_check(const agent_settings *settings, cpulift_error **err);

/// Takes what the folder `state` has, then follows the source. `changed` is called whenever another
/// plan is in force; not before this returns. The caller's.
int plans_open(const agent_settings *settings, void (*changed)(void *data), void *data,
               plans **ret_plans, cpulift_error **err);

struct plans_state plans_get(const plans *self);

/// Adds to the metrics what is to be said of the place where the plan comes from.
void plans_measure(const plans *self, GString *metrics);

/// The file that holds the plan in force, borrowed; NULL: the disk did not take it.
const char *plans_get_path(const plans *self);

/// To where the plan comes from: this host's document.
void plans_publish(plans *self, const char *text, size_t len);

void plans_close(plans *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(plans, plans_close)
