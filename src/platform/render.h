// SPDX-License-Identifier: LGPL-2.1-or-later
/// A plan in the words of clouds whose files cpulift does not change: printed, for an operator to
/// put where it belongs.
#pragma once

#include "core/catalog.h"
#include "core/plan.h"

/// The text for the platform of this name, one of render_list; the caller's. `version` is the
/// platform's, NULL where not said; only those whose words hang on it take one. What that platform
/// cannot say of the plan is added to `warnings`, strings. CPULIFT_EINPUT for a version that says
/// nothing; CPULIFT_EREFUSED where no guest would ever start.
int render_format(const cpulift_plan *plan, const catalog *map, const char *platform,
                  const char *version, GPtrArray *warnings, char **ret_text, cpulift_error **err);

/// Adds the names, strings.
void render_list(GPtrArray *names);
