// SPDX-License-Identifier: LGPL-2.1-or-later
/// The console of a running guest, read through libvirt: the same on this machine and on another.
#pragma once

#include "probe/run.h"
#include "virt/conn.h"

/// Opens the guest's console and reads until a record that begins from now on is whole, or the
/// guest cannot go on, or `end` (monotonic, microseconds) has come: run->text, run->hang.
/// CPULIFT_EMISSING: libvirt does not open consoles there.
int console_read(const virt_conn *conn, virDomainPtr domain, gint64 end, probe_run *run,
                 cpulift_error **err);

/// As console_read(), of a guest whose serial line QEMU appends to a file.
int console_read_file(const char *path, virDomainPtr domain, gint64 end, probe_run *run,
                      cpulift_error **err);
