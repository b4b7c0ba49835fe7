// SPDX-License-Identifier: LGPL-2.1-or-later
/// A running guest, as its live XML ('virsh dumpxml') tells of it: what decides where it can go.
#pragma once

#include "core/compare.h"
#include "core/guest.h"

typedef struct fleet_guest {
    char *name, *host; ///< owned, as all strings
    cpulift_cpu *cpu;  ///< NULL: none is said
    char *virt;        ///< "kvm", "qemu" or another of libvirt's domain types
    char *machine;     ///< QEMU's canonical name; NULL: not said
    struct domain_guest shape;
    guint64 memory; ///< KiB; 0: not known
    bool has_acpi;
    bool has_own_cpu;    ///< -cpu in <qemu:commandline>
    bool has_own_mode;   ///< its owner chose a mode other than custom
    bool has_host_width; ///< <maxphysaddr mode='passthrough'/>: its width is its host's
    char *why;           ///< it could not be read, and there is no more than its name; else NULL
    char *key;           ///< guests of the same key can go to the same hosts
} fleet_guest;

/// Parses the live XML of a guest of `host`; `name` stands in messages.
int fleet_guest_parse(const char *xml, size_t len, const char *name, const char *host,
                      fleet_guest **ret_guest, cpulift_error **err);
/// Of a guest's live XML what fleet_guest_parse() goes by, which reads the same guest of it, and
/// nothing else: for those who may not see the whole. The caller's.
int fleet_guest_reduce(const char *xml, size_t len, const char *name, char **ret_xml,
                       cpulift_error **err);
/// One that runs there and could not be read. The caller's.
fleet_guest *fleet_guest_new_unread(const char *name, const char *host, const char *why);
/// What the guest has, as its XML says: one that was started by less than check='full' has also
/// what QEMU adds to its model. CPULIFT_EINPUT: it does not say, or not in words of this map.
int fleet_guest_take(const fleet_guest *guest, const catalog *map, compare_side *ret_side,
                     cpulift_error **err);
/// The guest as it would be after a power cycle under the plan, worded for this QEMU
/// (guest_define). The caller's.
fleet_guest *fleet_guest_restart(const fleet_guest *guest, const cpulift_plan *plan, unsigned qemu);
void fleet_guest_free(fleet_guest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fleet_guest, fleet_guest_free)
