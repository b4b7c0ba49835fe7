// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the agent answers by HTTP.
#pragma once

#include "agent/server.h"

/// Their data is a struct agent *; the last has no path.
extern const struct server_route answers_routes[];
