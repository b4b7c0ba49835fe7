// SPDX-License-Identifier: LGPL-2.1-or-later
/// The checks that OpenNebula itself lacks, on what its front-end knows of its hosts: the models
/// that all of them give (Sunstone offers the union as EVC_MODE), and features compared as whole
/// names (the scheduler compares substrings, so that "avx" is found in "avx2").
#pragma once

#include "core/plan.h"

/// Adds lines for people to `lines` (owned strings). `xml` is what `onehost list --xml` or `onehost
/// show --xml` prints; `name` stands in messages.
int onehosts_check(const char *xml, size_t len, const char *name, const cpulift_plan *plan,
                   GPtrArray *lines, cpulift_error **err);
