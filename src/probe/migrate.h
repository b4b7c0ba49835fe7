// SPDX-License-Identifier: LGPL-2.1-or-later
/// The probe guest, migrated live there and back while it reads its own CPU again and again.
#pragma once

#include "probe/start.h"

#define MIGRATE_STOPS 3

struct migrate_options {
    const char *uris[2];      ///< the two hosts' libvirt
    const char *addresses[2]; ///< where each host's QEMU is reached by the other's; NULL: libvirt
                              ///< finds out
    const char *virt, *machine, *emulator;
    unsigned timeout_ms; ///< for everything together
};

typedef struct migrate_run {
    probe_run *stops[MIGRATE_STOPS]; ///< at A, at B, at A again: one whole record each; NULL where
                                     ///< the guest never was
    char *refusal; ///< why the guest was not started, or not sent: the answer is no; else NULL
} migrate_run;

void migrate_run_free(migrate_run *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(migrate_run, migrate_run_free)

/// Starts the guest at A from a document of a platform's shape that the hooks' rewriter put the
/// plan into, and migrates it to B and back. First both hosts are asked whether they can give every
/// feature of the plan: a host that cannot is the answer, naming the features, and no guest is
/// started. The image and the socket are files, which both hosts must see: hosts on one machine. As
/// start_domain() all is done in a child process. *ret_run is the caller's.
int migrate_domain(const cpulift_plan *plan, const struct migrate_options *options,
                   migrate_run **ret_run, cpulift_error **err);

/// The first line in which the guest's CPU is not what it was, as "X became Y"; NULL where nothing
/// changed. Numbers and checksums of the records do not count. The caller frees it.
char *migrate_find_change(const probe_run *before, const probe_run *after);
