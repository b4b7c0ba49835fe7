// SPDX-License-Identifier: LGPL-2.1-or-later
/// What process 1 of a guest does first, whatever the guest is for.
#pragma once

/// Mounts the kernel's file systems and makes the serial line its standard output, as bytes and
/// without the kernel's own lines between ours.
void first_set_up(void);
