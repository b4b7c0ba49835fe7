// SPDX-License-Identifier: LGPL-2.1-or-later
/// What two documents differ in.
#pragma once

#include "core/compare.h"

#include <jansson.h>

/// For people: a table of them under the names of the two; "" where there is none. Without
/// `with_features` only what is no feature. The caller frees it.
char *differences_format(const GPtrArray *differences, const char *a, const char *b,
                         bool with_features);

/// The features that `a` has and `b` has not, a list of strings. The caller's.
json_t *differences_list_only(const compare_side *a, const compare_side *b);

/// The same for programs: the text of a cpulift.diff/1. The caller frees it.
char *differences_format_json(const compare_side *a, const compare_side *b, GPtrArray *differences);
