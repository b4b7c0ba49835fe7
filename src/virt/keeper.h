// SPDX-License-Identifier: LGPL-2.1-or-later
/// Ends the QEMUs that libvirt's embedded driver leaves behind. It starts them as daemons, which
/// outlive a process that is killed, and one that is only asked what it can do waits for ever.
#pragma once

#include "base/error.h"

/// Ends what runs for `root` already, which nobody else may use now, and starts a process that does
/// so again when this one has ended, in whatever way. That process holds `lock` until then.
int keeper_start(const char *root, int lock, cpulift_error **err);
