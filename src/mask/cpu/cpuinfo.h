// SPDX-License-Identifier: LGPL-2.1-or-later
/// /proc/cpuinfo as it would be on the CPU of a definition.
#pragma once

#include "mask/cpu/table.h"

/// Rewrites the text of the real one: signature, names and flags follow `table` and `features`.
/// Flags that the map does not know are kept only where they say nothing of instructions.
/// The caller frees it.
char *cpuinfo_format(const char *real, const struct mask_table *table, const catalog *map,
                     const feature_set *features);
