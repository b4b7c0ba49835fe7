// SPDX-License-Identifier: LGPL-2.1-or-later
/// What of a CPUID follows something else than the definition: state.def.
#pragma once

#include <stdint.h>

/// Why these bits of one register (0 eax, 1 ebx, 2 ecx, 3 edx) do not follow the definition on a
/// CPU with this vendor string, or NULL where some of them do.
const char *state_find(uint32_t leaf, uint32_t subleaf, unsigned reg, uint32_t bits,
                       const char *vendor);
