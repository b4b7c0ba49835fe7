// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a new host would cost a plan in force.
#pragma once

#include "core/compare.h"
#include "core/explain.h"
#include "core/inventory.h"

/// All that would cost something if hosts of this kind joined: features and mitigations, and width,
/// model, machine, vendor, hazards, what the plan's model hides there. `a` is what guests have, `b`
/// what the host has. Empty: nothing. The caller unrefs.
GPtrArray *explain_newcomer(const explain *explain, const cpulift_plan *plan, const inventory *inv,
                            size_t kind);
