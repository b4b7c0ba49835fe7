// SPDX-License-Identifier: LGPL-2.1-or-later
/// Collects the emulators that the embedded driver leaves behind.
#pragma once

/// Makes this process the parent of the daemons that its children start, and collects them as soon
/// as they end, from a thread that lives as long as the process. When libvirt kills a QEMU it waits
/// until nobody sees the process any more, and the first process of some containers collects
/// orphans once a second only. Children that somebody waits for are left alone.
void orphans_collect(void);
