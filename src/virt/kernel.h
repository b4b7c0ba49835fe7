// SPDX-License-Identifier: LGPL-2.1-or-later
/// The Linux kernel of guests that boot one.
#pragma once

#include "base/error.h"

/// What such a guest's kernel is started with. Nothing that decides on protections: it is to choose
/// by itself. Under TCG on a busy machine it would take its timer for broken and give up.
#define KERNEL_LINE "console=ttyS0 quiet loglevel=1 panic=-1 no_timer_check"

/// The kernel to start: `wanted`, else the running one's image, else the newest in /boot. *ret_path
/// is the caller's.
int kernel_find(const char *wanted, char **ret_path, cpulift_error **err);

/// The module of this name ("arch/x86/kernel/msr.ko") of a kernel that kernel_find() found and that
/// stands as installed: boot/vmlinuz-RELEASE beside lib/modules/RELEASE. Packed or not; NULL where
/// it is not there. The caller's.
char *kernel_find_module(const char *kernel, const char *name);
