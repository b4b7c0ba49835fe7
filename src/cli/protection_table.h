// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a plan does to its guests' protection, for people.
#pragma once

#include "core/protection_compare.h"

/// A document of protection_compare() as a table. The caller frees it.
char *protection_table_format(const json_t *document);
