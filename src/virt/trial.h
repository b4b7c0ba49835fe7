// SPDX-License-Identifier: LGPL-2.1-or-later
/// Does this machine's accelerator run a guest at all? /dev/kvm may exist, and be allowed, and
/// fail.
#pragma once

#include "base/error.h"

/// Starts a guest of seven bytes of code with `emulator` and `accelerator` ("kvm", "tcg"), which
/// says that it ran and ends at once. 0: it ran. Otherwise the error says why not.
int trial_run(const char *emulator, const char *accelerator, unsigned timeout_ms,
              cpulift_error **err);
