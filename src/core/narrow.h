// SPDX-License-Identifier: LGPL-2.1-or-later
/// What libvirt offers, and what is left of it when QEMU itself is asked.
#pragma once

#include "core/host.h"

/// One virt type on one machine type that a host's capabilities list.
struct offer {
    char *virt;    ///< "kvm" or "qemu"
    char *machine; ///< "pc" or "q35"
};

/// The offers of `virsh capabilities` (its root) for x86_64 guests, of the machine types that
/// cpulift plans for. `name` stands in messages. None at all is an error. *ret_offers (struct offer
/// *) is the caller's.
int narrow_read_offers(const xmlNode *capabilities, const char *name, GPtrArray **ret_offers,
                       cpulift_error **err);

/// QEMU's answers about one guest entry: the returns of query-cpu-model-expansion for `max`, as it
/// is and with "migratable" off, and of query-cpu-definitions (NULL: not asked).
struct narrow_answers {
    const json_t *migratable, *all, *definitions; ///< borrowed
};

/// Leaves in `guest` (which has libvirt's answer) what QEMU agrees to, and notes who alone said
/// what, what cannot be migrated, the names that the catalogue lacks and why models are blocked.
/// `name` stands in messages.
int narrow_guest(struct host_guest *guest, const struct narrow_answers *answers, const char *name,
                 const catalog *map, cpulift_error **err);

/// Notes those features of `guest` that the catalogue calls not migratable.
void narrow_note_migratable(struct host_guest *guest, const catalog *map);
