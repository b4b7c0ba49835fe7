// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a guest's own configuration makes of a plan's definition.
#pragma once

#include "probe/start.h"

/// What is started.
struct wording {
    probe_shape shape;
    cpulift_cpu *cpu;
};

/// Chooses what to start where QEMU has these versions (as libvirt numbers them, 0: not known):
/// what `options` say, or the plan's definition on a guest that can run on all of them. The caller
/// clears *ret_wording.
void wording_choose(const cpulift_plan *plan, const struct start_options *options,
                    const unsigned long *versions, size_t count, struct wording *ret_wording);

void wording_clear(struct wording *wording);
