// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a plan says of its hosts' QEMU, and of features that follow from the guest's own
/// configuration, so that core/guest can finish its definition for each.
#pragma once

#include "core/pool.h"
#include "core/select.h"

/// Leaves out what only other named models hold than the one that is taken.
void plan_settle_model(const cpulift_pool *pool, const struct catalog_model *model,
                       struct selection *selection);

/// Adds "guest_features" and "qemu" to a plan's document, and to its warnings that the pool stands
/// on both sides of GUEST_QEMU_BREAK.
void plan_add_guest(json_t *document, const cpulift_pool *pool, const struct catalog_model *model,
                    const struct selection *selection);
