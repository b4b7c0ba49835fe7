// SPDX-License-Identifier: LGPL-2.1-or-later
/// What kinds of members have in common.
#pragma once

#include "base/record.h"

/// Refuses more or fewer items than the row allows.
int record_check_count(const record_at *at, const record_row *row, size_t count,
                       cpulift_error **err);

/// True where the member is written though, perhaps, it says nothing.
bool record_is_written(const record_row *row, bool says_something);

/// Of lists of strings and of structs: every such array frees its elements.
void record_clear_array(const record_row *row, void *base);
