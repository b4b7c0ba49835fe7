// SPDX-License-Identifier: LGPL-2.1-or-later
/// What `run --cpu help` prints.
#pragma once

#include "base/error.h"
#include "mask/cpu/host.h"

/// A line for each CPU that has a name: whether this machine can show it, and what it lacks. The
/// caller frees it.
int run_list_format(mask_host *host, char **ret_text, cpulift_error **err);
