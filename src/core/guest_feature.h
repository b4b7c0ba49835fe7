// SPDX-License-Identifier: LGPL-2.1-or-later
/// The features that follow from a guest's own configuration (core/tables/guest.def).
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// What decides whether a guest has a feature.
enum guest_cause {
    GUEST_SOCKET, ///< more than one logical CPU in a socket
    GUEST_PMU,    ///< a virtual PMU
    GUEST_CPU_PM, ///< -overcommit cpu-pm=on
    GUEST_MODEL,  ///< the named model has it
};

struct guest_feature {
    const char *name;
    enum guest_cause cause;
    unsigned since_qemu; ///< before it libvirt does not see it, and refuses to require it
    bool is_amd_only;    ///< not on CPUs of Intel
};

/// The table's row for this feature; NULL where no guest's configuration matters to it.
const struct guest_feature *guest_find_feature(const char *name);

/// All of them, by name: *ret_count rows.
const struct guest_feature *guest_list_features(size_t *ret_count);

/// "topology", "pmu", "cpu-pm", "model": as a plan says it.
const char *guest_cause_to_string(enum guest_cause cause);
