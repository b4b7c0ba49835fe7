// SPDX-License-Identifier: LGPL-2.1-or-later
/// Starts the probe guest, or a Linux kernel in its place, with a plan's definition and collects
/// what it prints.
#pragma once

#include "base/error.h"
#include "core/plan.h"
#include "probe/run.h"

#include <stdbool.h>

/// A kernel to boot in the probe guest's place, whose first process says what it believes of its
/// CPU (probe/statement.h); not for start_migrate().
struct start_kernel {
    const char *image;  ///< path of the kernel
    const char *init;   ///< of that process
    const char *module; ///< of the kernel's msr module; NULL: it has none, or it is not there
};

struct start_options {
    const char *virt, *machine; ///< "kvm" or "qemu"; "pc", "q35" or any that QEMU knows
    const char *emulator;       ///< path of QEMU, NULL: the one in $PATH or libvirt's choice
    const char *uri;            ///< libvirt's, NULL: as conn_open chooses
    const char *target_uri;     ///< start_migrate(): the other libvirt
    const char *addresses[2];   ///< start_migrate(): where each host is reached by the other; NULL:
                                ///< as libvirt is configured
    const cpulift_cpu *cpu;     ///< the definition to start, as it stands; NULL: the plan's, as it
                                ///< is worded for the guest and the QEMU that starts it
    const probe_shape *shape;   ///< of the guest; NULL: as many guests have it
    const struct start_kernel *kernel; ///< NULL: the probe guest
    unsigned timeout_ms;               ///< for everything together
};

/// Runs QEMU itself. A definition that QEMU refuses and a guest that does not finish are results,
/// not errors. *ret_run is the caller's.
int start_direct(const cpulift_plan *plan, const struct start_options *options, probe_run **ret_run,
                 cpulift_error **err);

/// The same through libvirt, the definition going in as it stands. The calling program
/// must not have started threads: the work is done in a child process, which cannot hang this one.
int start_domain(const cpulift_plan *plan, const struct start_options *options, probe_run **ret_run,
                 cpulift_error **err);

/// Starts the guest at options->uri in a loop, migrates it live to options->target_uri and back,
/// and collects a record before and after each hop. A host that cannot give a definition which
/// binds it (check='full') is a refusal, and no guest is started. The calling program must not have
/// started threads.
int start_migrate(const cpulift_plan *plan, const struct start_options *options,
                  probe_run **ret_run, cpulift_error **err);
