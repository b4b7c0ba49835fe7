// SPDX-License-Identifier: LGPL-2.1-or-later
/// What two documents differ in, for people.
#pragma once

#include "core/compare.h"

/// A table of them under the names of the two; "" where there is none. Without `with_features` only
/// what is no feature. The caller frees it.
char *differences_format(const GPtrArray *differences, const char *a, const char *b,
                         bool with_features);
