// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the agent counts, for Prometheus.
#pragma once

#include "agent/state.h"

/// The caller's.
char *numbers_format(const agent *self);
