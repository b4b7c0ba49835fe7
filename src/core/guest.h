// SPDX-License-Identifier: LGPL-2.1-or-later
/// A plan is a pool's, a definition is a guest's: what its topology, its PMU and the QEMU that
/// starts it make of the plan's definition (docs/decisions/0008).
#pragma once

#include "core/domain.h"
#include "core/guest_feature.h"
#include "core/plan.h"

/// From this version on libvirt's check='full' sees what QEMU sets by topology
/// (core/tables/guest.def).
#define GUEST_QEMU_BREAK      10000000u
#define GUEST_QEMU_BREAK_TEXT "10.0"

/// What of a guest's own configuration decides on its CPU.
struct domain_guest {
    unsigned vcpus;      ///< at most, not those that it starts with; 0 where not said
    unsigned per_socket; ///< logical CPUs in a socket; 1 where there is no <topology>
    bool has_pmu;        ///< <pmu state='on'/>
    bool has_cpu_pm;     ///< cpu-pm=on in <qemu:commandline>
};

/// Whether an argument of <qemu:commandline> is that of -overcommit, which libvirt has no element
/// for.
bool guest_is_cpu_pm(const char *value);

/// Reads it from a domain. The topology is that of the first <cpu>, where libvirt looks.
struct domain_guest guest_read(const domain_document *document);

/// On which side of GUEST_QEMU_BREAK a pool's hosts stand.
enum guest_side {
    GUEST_QEMU_UNKNOWN,
    GUEST_QEMU_OLDER,
    GUEST_QEMU_NEWER,
    GUEST_QEMU_ACROSS, ///< some on either: guests with several logical CPUs per socket do not cross
};

/// The side of hosts whose oldest and newest QEMU these are; NULL: not known.
enum guest_side guest_find_side(const char *min, const char *max);

/// For people: "older than 10.0"; NULL where it is not known.
const char *guest_side_to_string(enum guest_side side);

/// The QEMU version to word a definition for, as text_parse_version counts: `node`, the node's own;
/// where that is 0, the plan's, if every host of the pool is known to be on one side of
/// GUEST_QEMU_BREAK; else 0.
unsigned guest_choose_qemu(const cpulift_plan *plan, unsigned node);

/// Whether a guest of this configuration sees the feature under the plan, on every QEMU and
/// whatever its definition may say of it. `vendor`: libvirt's name of its CPU's, for plans of an
/// elder version, which do not say.
bool guest_sees(const cpulift_plan *plan, const struct domain_guest *guest,
                const struct guest_feature *feature, const char *vendor);

/// True where the definition of this guest is another on other QEMUs.
bool guest_depends_on_qemu(const cpulift_plan *plan, const struct domain_guest *guest);

/// The plan's definition, finished for this guest on this QEMU (0: not known; then nothing is said
/// that only some take). The caller's.
cpulift_cpu *guest_define(const cpulift_plan *plan, const struct domain_guest *guest,
                          unsigned qemu);
