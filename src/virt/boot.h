// SPDX-License-Identifier: LGPL-2.1-or-later
/// Starts a guest from a kernel and an initramfs, and waits until it switches itself off.
#pragma once

#include "virt/conn.h"

#include <stdbool.h>

struct boot_options {
    const char
        *domain;      ///< the domain's XML: transient, on_poweroff, on_reboot and on_crash destroy
    unsigned timeout; ///< seconds, after which it is destroyed
    bool (*is_stopped)(void); ///< asked ten times a second; true destroys it; may be NULL
};

/// How it ended. A definition that libvirt or QEMU refuses is an answer, not an error.
struct boot_end {
    char *refusal;   ///< why it did not start, the caller's; NULL: it ran
    bool is_timeout; ///< it did not end by itself
};

int boot_run(const virt_conn *conn, const struct boot_options *options, struct boot_end *ret_end,
             cpulift_error **err);
