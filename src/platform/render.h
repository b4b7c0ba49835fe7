// SPDX-License-Identifier: LGPL-2.1-or-later
/// A plan in the words of clouds whose files cpulift does not change: printed, for an operator to
/// put where it belongs.
#pragma once

#include "core/plan.h"

/// The text for the platform of this name; the caller's. CPULIFT_EINPUT for an unknown name, which
/// names those there are.
int render_format(const cpulift_plan *plan, const char *platform, char **ret_text,
                  cpulift_error **err);

/// Adds the names, strings.
void render_list(GPtrArray *names);
