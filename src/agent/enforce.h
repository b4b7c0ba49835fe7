// SPDX-License-Identifier: LGPL-2.1-or-later
/// `enforce = define`: the plan's CPU goes into the persistent definitions of guests, so that their
/// next start picks it up, as 'cpulift apply --connect' does it; 'cpulift rollback' undoes it.
#pragma once

#include "agent/host.h"
#include "agent/plans.h"
#include "agent/settings.h"

typedef struct enforce enforce;

struct enforce_state {
    const char
        *fault; ///< why the definitions are not the plan's; NULL: as far as is known they are
    guint64 runs, changes; ///< of apply, and of definitions
};

/// All outlive it; NULL where the settings say `off`. The caller's.
enforce *enforce_new(const agent_settings *settings, const plans *plans, const host_watch *host);

/// The plan, the definitions or the host are others: soon all is held against the plan, but not
/// often. NULL is fine.
void enforce_soon(enforce *self);

struct enforce_state enforce_get(const enforce *self);

void enforce_free(enforce *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(enforce, enforce_free)
