// SPDX-License-Identifier: LGPL-2.1-or-later
/// How a probe guest was started, migrated and ended, as the starters report it.
#pragma once

#include "probe/shape.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct probe_run {
    char *virt, *machine;
    probe_shape shape; ///< the guest's
    char *text;        ///< what the guest printed
    size_t len;
    char *refusal;        ///< libvirt or QEMU would not start the definition: why; else NULL
    char *hang;           ///< the guest did not finish: what happened; else NULL
    char **unplanned;     ///< features that the running XML disables and the plan does not, or NULL
    char *through;        ///< how it was started, for people
    char *qemu, *libvirt; ///< versions, NULL where not known
    GPtrArray *hops;      ///< struct probe_hop *, in their order; NULL: not migrated
} probe_run;

/// One live migration of the running guest.
struct probe_hop {
    char *from, *to;
    gint64 downtime_ms; ///< as the target's libvirt measured it; negative: not known
    probe_run *run;     ///< the guest on `to`: what it printed there, or why it did not
};

/// For sending a run from one process to another.
extern const struct record probe_run_record;

probe_run *probe_run_new(void);
void probe_run_free(probe_run *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(probe_run, probe_run_free)

/// Adds a hop with an empty run, borrowed.
struct probe_hop *probe_run_add_hop(probe_run *run, const char *from, const char *to);
