// SPDX-License-Identifier: LGPL-2.1-or-later
/// The shape of a probe guest: its virtual CPUs and how they make up sockets, its PMU, and whether
/// it has the host's power states.
#pragma once

#include "base/record.h"
#include "core/guest.h"

/// libvirt's words, `UNSAID` where a domain says nothing and QEMU decides.
enum shape_pmu {
    SHAPE_PMU_UNSAID,
    SHAPE_PMU_ON,
    SHAPE_PMU_OFF,
};

typedef struct probe_shape {
    unsigned vcpus; ///< that the guest starts with
    unsigned max;   ///< that it has room for
    unsigned sockets, dies, cores, threads;
    enum shape_pmu pmu;
    bool has_cpu_pm; ///< -overcommit cpu-pm=on
} probe_shape;

/// As a part of documents and of what processes send.
extern const struct record shape_record;

/// Two cores in one socket: most guests have several, and what a guest sees changes at two.
extern const probe_shape shape_default;

/// The shape of a domain's document: <vcpu>, <topology> of the first <cpu>, <pmu>, and cpu-pm=on in
/// <qemu:commandline>. A <cpu> alone
/// has as many vCPUs as its topology has room for, or the default shape. What is beyond the probe
/// guest or no number, and a -cpu that overrides the <cpu>, is CPULIFT_EINPUT. `name` stands in
/// messages.
int shape_parse(const char *text, size_t len, const char *name, probe_shape *ret_shape,
                cpulift_error **err);

/// Logical CPUs in each socket.
unsigned shape_count_per_socket(const probe_shape *shape);

/// What of it decides on the CPU.
struct domain_guest shape_get_guest(const probe_shape *shape);

/// The word of a domain's <pmu state='…'/>, or NULL.
const char *shape_get_pmu(const probe_shape *shape);

/// "sockets 1, cores 2, threads 1": for people. The caller frees it.
char *shape_to_string(const probe_shape *shape);
