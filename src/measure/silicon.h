// SPDX-License-Identifier: LGPL-2.1-or-later
/// The plan for this machine's own processor, as the CPUID instruction describes it.
#pragma once

#include "base/error.h"

/// Plans for a pool that is this processor alone: what a guest could get at most, where kernel,
/// QEMU and libvirt hold nothing back. *ret_plan is the plan document, the caller's.
int silicon_compute(char **ret_plan, cpulift_error **err);
