// SPDX-License-Identifier: LGPL-2.1-or-later
/// What tests share: data from outside of the repository, and definitions to work with.
#pragma once

#include "core/cpu.h"

/// `relative` in the folder of recorded machines and platform documents: $CPULIFT_SHARED, or
/// `shared` beside the source tree. NULL where it is absent: the test then skips. The caller frees
/// it.
char *support_find_shared(const char *relative);

/// Dice for a random law: thrown anew at each run, and printed; $CPULIFT_SEED repeats a run. The
/// caller frees them.
GRand *support_new_dice(void);

/// How often a random law is tried: as `usual`, times $CPULIFT_EFFORT per cent where that is set.
size_t support_get_rounds(size_t usual);

/// The definition of this text; ends the test where it is none. The caller frees it.
cpulift_cpu *support_parse_cpu(const char *xml);

/// libvirt's installed catalogue, loaded once, borrowed; ends the test where there is none.
const catalog *support_get_catalog(void);
