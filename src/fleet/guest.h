// SPDX-License-Identifier: LGPL-2.1-or-later
/// A running guest, as its live XML ('virsh dumpxml') tells of it: what decides where it can go.
#pragma once

#include "core/compare.h"
#include "core/guest.h"

/// A guest's physical address width where its CPU does not state it.
struct fleet_width {
    bool is_hosts; ///< that of its host: <maxphysaddr mode='passthrough'/>, or its machine type's
    bool is_said;  ///< by <maxphysaddr>
    bool is_odd;   ///< by one that is not understood
    unsigned max;  ///< at most so many bits; 0: no limit
    unsigned host_has; ///< of the host where it started; 0: not known
};

typedef struct fleet_guest {
    char *name, *host; ///< owned, as all strings
    cpulift_cpu *cpu;  ///< NULL: none is said
    char *virt;        ///< "kvm", "qemu" or another of libvirt's domain types
    char *machine;     ///< QEMU's canonical name; NULL: not said
    char *arch;        ///< NULL: not said
    char *uuid;        ///< NULL: not said
    struct domain_guest shape;
    guint64 memory; ///< KiB; 0: not known
    bool has_acpi;
    bool has_own_cpu;         ///< -cpu in <qemu:commandline>
    bool has_own_mode;        ///< its owner chose a mode other than custom
    bool has_odd_topology;    ///< its <topology> does not make its vCPUs: not all of it is known
    bool has_tsc_frequency;   ///< <timer name='tsc' frequency='…'/>
    struct fleet_width width; ///< beside what its CPU states
    char **bonds, **doubts;   ///< what ties it to its host, for certain and perhaps (fleet/bond.h)
    char *why; ///< it could not be read, and there is no more than its name; else NULL
    char *key; ///< guests of the same key can go to the same hosts
} fleet_guest;

/// Parses the live XML of a guest of `host`; `name` stands in messages.
int fleet_guest_parse(const char *xml, size_t len, const char *name, const char *host,
                      fleet_guest **ret_guest, cpulift_error **err);
/// Of a guest's live XML what fleet_guest_parse() goes by, which reads the same guest of it, and
/// nothing else: for those who may not see the whole. The caller's. CPULIFT_EINPUT: it is no domain
/// that can be written again.
int fleet_guest_reduce(const char *xml, size_t len, const char *name, char **ret_xml,
                       cpulift_error **err);
/// One that runs there and could not be read. The caller's.
fleet_guest *fleet_guest_new_unread(const char *name, const char *host, const char *why);
/// Tells what width the guest's host has, where that is the guest's; 0: not known.
void fleet_guest_set_host_width(fleet_guest *guest, unsigned bits);
/// What the guest has, as its XML says: one that was started by less than check='full' has also
/// what QEMU adds to its model. CPULIFT_EINPUT: it does not say, or not in words of this map.
int fleet_guest_take(const fleet_guest *guest, const catalog *map, compare_side *ret_side,
                     cpulift_error **err);
/// The guest as it would be after a power cycle under the plan, worded for this QEMU
/// (guest_define). The caller's.
fleet_guest *fleet_guest_restart(const fleet_guest *guest, const cpulift_plan *plan, unsigned qemu);
void fleet_guest_free(fleet_guest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fleet_guest, fleet_guest_free)
