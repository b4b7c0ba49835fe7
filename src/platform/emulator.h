// SPDX-License-Identifier: LGPL-2.1-or-later
/// The QEMU of a node, told from its files: a hook that stands in the way of a start has no time to
/// run it (266 ms).
#pragma once

#include "platform/root.h"

/// The program that starts guests which name none; NULL where the node has none of those known.
const char *emulator_find(const root_dir *root);

/// Another text whenever the program was replaced or written to; NULL where there is none. The
/// caller frees it.
char *emulator_get_stamp(const root_dir *root, const char *path);

/// Its version as text_parse_version counts: what libvirt found out when the program was as it is
/// now, else what stands in the program itself (some milliseconds). 0: not known.
unsigned emulator_read_version(const root_dir *root, const char *path);
