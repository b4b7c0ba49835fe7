// SPDX-License-Identifier: LGPL-2.1-or-later
/// The texts that a guest is made from.
#pragma once

#include "base/error.h"
#include "measure/settings.h"

#include <stdbool.h>

struct guest {
    const char *name;                         ///< of the domain
    const char *cpu;                          ///< the <cpu> element
    const char *kernel, *initramfs, *console; ///< paths; the serial line is written to `console`
    bool is_kvm;
    unsigned vcpus, memory; ///< memory in MiB
    unsigned host_cpus;     ///< the first so many CPUs of this machine run it
};

/// The domain's XML. The caller frees it.
char *guest_format(const struct guest *guest);

/// The <cpu> element that a definition stands for: a plan's or XML file's own, passthrough (TCG:
/// everything that QEMU emulates) for "host", none at all ("") for "default", the named model else.
/// The caller frees it.
int guest_format_cpu(const bench_definition *definition, bool is_kvm, char **ret_cpu,
                     cpulift_error **err);
