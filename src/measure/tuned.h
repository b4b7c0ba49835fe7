// SPDX-License-Identifier: LGPL-2.1-or-later
/// The plan of a pool that is this machine alone.
#pragma once

#include "base/error.h"

#include <stdbool.h>

/// For guests by `cpulift scan` and `cpulift plan`, which ask libvirt; for processes, which no
/// hypervisor stands above, from the processor itself. *ret_plan is the plan document, the
/// caller's.
int tuned_compute(bool is_guest, char **ret_plan, cpulift_error **err);
