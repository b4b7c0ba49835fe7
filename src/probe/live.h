// SPDX-License-Identifier: LGPL-2.1-or-later
/// What every guest that libvirt runs is asked, however it was started.
#pragma once

#include "core/plan.h"
#include "probe/run.h"
#include "virt/conn.h"

#include <signal.h>

/// Set by live_interrupt(): the process was told to end, its guests are to be destroyed.
extern volatile sig_atomic_t live_is_interrupted;

/// For the process that talks to libvirt: when its parent dies, live_find_stop() says so, instead
/// of the process being killed with its guest running.
void live_catch_interrupt(void);

/// libvirt's last error as run->refusal where it is an answer about the definition; trouble of
/// libvirt's own becomes an error.
int live_judge_refusal(probe_run *run, cpulift_error **err);

/// What libvirt disabled when QEMU could not give it, though nobody planned that.
int live_read_unplanned(virDomainPtr domain, const cpulift_plan *plan, probe_run *run,
                        cpulift_error **err);

/// Why the guest (a virDomainPtr) cannot go on, or NULL: for struct collect.
const char *live_find_stop(void *domain);

/// The version of the connected libvirt's QEMU as libvirt numbers it, 0 where it is not known.
unsigned long live_get_qemu(const virt_conn *conn);

/// The versions of the connected libvirt and its QEMU, where they are known.
void live_read_versions(const virt_conn *conn, probe_run *run);

/// True where the URI names no other machine.
bool live_is_here(const virt_conn *conn);

/// The image and the socket are files here: libvirt may be anywhere on this machine, on no other.
int live_check_here(const virt_conn *conn, cpulift_error **err);

/// Destroys the guest of this name, if there is one.
void live_destroy(const virt_conn *conn, const char *name);
