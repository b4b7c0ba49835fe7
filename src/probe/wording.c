// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/wording.h"

/// A guest with several CPUs in a socket cannot cross the break in either direction: there it has
/// as many sockets instead.
static probe_shape choose_shape(const unsigned long *versions, size_t count)
{
    probe_shape shape = shape_default;
    for (size_t i = 1; i < count; i++) {
        if ((versions[i] >= GUEST_QEMU_BREAK) != (versions[0] >= GUEST_QEMU_BREAK)) {
            shape.sockets = shape.vcpus;
            shape.cores = 1;
        }
    }
    return shape;
}

void wording_choose(const cpulift_plan *plan, const struct start_options *options,
                    const unsigned long *versions, size_t count, struct wording *ret_wording)
{
    ret_wording->shape = options->shape != NULL ? *options->shape : choose_shape(versions, count);
    const struct domain_guest guest = shape_get_guest(&ret_wording->shape);
    ret_wording->cpu = options->cpu != NULL ? cpu_copy(options->cpu)
                                            : guest_define(plan, &guest, (unsigned)versions[0]);
}

void wording_clear(struct wording *wording)
{
    g_clear_pointer(&wording->cpu, cpu_free);
}
