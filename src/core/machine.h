// SPDX-License-Identifier: LGPL-2.1-or-later
/// The virtualisation types and machine types that plans are made for: the one place that names
/// them.
#pragma once

/// The names as an option's help shows them.
#define MACHINE_VIRT_WORDS "kvm|qemu"
#define MACHINE_WORDS      "pc|q35"

/// libvirt's domain types, the better first; NULL-terminated.
extern const char *const machine_virts[];

/// QEMU's machine types of a plan, libvirt's default for x86 first; NULL-terminated.
extern const char *const machine_names[];

/// "pc" for "pc-i440fx-7.2" and its elders ("pc-1.3"), "q35" for "pc-q35-rhel9.2.0": versions and
/// vendors' names are of the kind they name. Any other is its own; NULL is libvirt's default.
const char *machine_find_kind(const char *machine);
