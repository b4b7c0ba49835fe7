// SPDX-License-Identifier: LGPL-2.1-or-later
/// Why a plan stands on its named model, as the plan's document holds it.
#pragma once

#include "core/model_choice.h"

/// "model_choice": what the model hides, and what stood against each of the others of the pool's
/// vendor. The caller's.
json_t *plan_format_model_choice(const cpulift_pool *pool, const GArray *verdicts);

/// The vulnerabilities' names, joined for a sentence. The caller frees it.
char *plan_join_vulnerabilities(vulnerability_set set);
