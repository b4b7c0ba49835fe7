// SPDX-License-Identifier: LGPL-2.1-or-later
/// The node agent: what it knows, and what it does when it is told something.
#pragma once

#include "agent/state.h"

/// Starts all of it on the default main loop, which the caller runs. The caller's.
int agent_start(const agent_settings *settings, agent **ret_agent, cpulift_error **err);

void agent_stop(agent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(agent, agent_stop)
