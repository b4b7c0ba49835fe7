// SPDX-License-Identifier: LGPL-2.1-or-later
/// Asks one connected host, and where that is this machine its QEMU and kernel too, what guests can
/// get.
#pragma once

#include "core/host.h"
#include "virt/conn.h"

/// `name` (NULL: what the host calls itself) becomes the host's. `timeout_ms` bounds what is asked
/// of QEMU; libvirt's own calls may take as long as they like. `warnings` gets lines (owned) on
/// what is doubtful. *ret_host is the caller's.
int scan_read(const virt_conn *conn, const char *name, const catalog *map, unsigned timeout_ms,
              GPtrArray *warnings, cpulift_host **ret_host, cpulift_error **err);
