// SPDX-License-Identifier: LGPL-2.1-or-later
/// What Linux says of its CPU's vulnerabilities: the texts of the files below
/// /sys/devices/system/cpu/vulnerabilities, told without a boot, and what becomes of a guest's
/// texts beside its hosts'.
#pragma once

#include "base/json.h"
#include "core/vulnerability.h"

/// A kernel whose words are known: Debian's, started without options.
typedef struct protection_kernel protection_kernel;

/// The kernel of this name ("6.1") or release ("6.1.0-56-cloud-amd64"), borrowed; NULL: not known.
const protection_kernel *protection_find_kernel(const char *name);

/// "6.1".
const char *protection_get_name(const protection_kernel *kernel);

/// "6.1"; NULL past the last, which is the newest.
const char *protection_get_kernel_name(size_t index);

/// What a kernel sees.
struct protection_cpu {
    struct cpu_signature signature;
    const feature_set *features; ///< "hypervisor" among them where it is shown
    bool is_guest;    ///< QEMU's: it says microcode 1, and an MSR that it lacks faults under KVM
    bool is_emulated; ///< TCG's: an MSR that it lacks can be read and written
    bool has_threads; ///< more than one of a core
};

/// The text of each file, as a JSON object like a host document's "vulnerabilities". NULL where the
/// CPU's vendor or family is none that the kernels' lists know. The caller's.
json_t *protection_predict(const catalog *map, const struct protection_cpu *cpu,
                           const protection_kernel *kernel);
