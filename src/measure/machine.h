// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the measurements ran on.
#pragma once

#include "base/auto.h"
#include "base/record.h"

/// As part of the samples.
extern const struct record machine_record;

/// Reads this machine: the processor, its state, the kernel, the versions of what is measured. What
/// cannot be read is left out. The caller's.
json_t *machine_read(void);

/// Refuses samples of another machine, or of this one with other programs: medians and ratios mix
/// what stands in one document. `name` is the document's.
int machine_check_same(const json_t *before, const char *name, cpulift_error **err);
