// SPDX-License-Identifier: LGPL-2.1-or-later
/// The plan that the hooks of a node go by.
#pragma once

#include "core/plan.h"
#include "platform/root.h"

struct followed {
    cpulift_plan *plan; ///< the caller's; NULL: none is installed, or none that a hook would take
    const char *target; ///< its place, static
    unsigned keys;      ///< of which one must have sealed it; 0: none is asked for
    unsigned key;       ///< which of them did, from 1 on
};

/// What there is of it; why a hook would not take what is installed is added to `whys`.
struct followed followed_load(const root_dir *root, GPtrArray *whys);

/// Whether this node takes the plan: one without a seal is refused where the node has keys
/// (core/seal.h). `name` stands in messages.
int followed_check_seal(const root_dir *root, const cpulift_plan *plan, const char *name,
                        cpulift_error **err);

/// Refuses a file that others may write, by which no hook goes. One runs as the owner of the plan's
/// folder, where that is not root.
int followed_check_owner(const root_dir *root, const char *target, const struct root_file *file,
                         cpulift_error **err);

/// Whether hooks would take a plan in this place: a file that is there keeps owner and mode, and by
/// one that others may write none goes.
int followed_check_place(const root_dir *root, const char *target, cpulift_error **err);
