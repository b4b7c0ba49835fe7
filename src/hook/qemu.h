// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which QEMU will start a guest: what `apply` recorded or a hook last found out, unless the
/// emulator's file has changed since.
#pragma once

#include "core/domain.h"
#include "core/plan.h"

/// The version for guest_choose_qemu() of the node whose root folder is `node`; 0 where it cannot
/// be found out. An emulator that is new here is remembered beside the trace, and leaves a line
/// there where the plan is older than it.
unsigned qemu_find(const cpulift_plan *plan, const domain_document *document, const char *node);
