// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a host's kernel says of itself, of its CPU's microcode and of its CPU's vulnerabilities
/// (Linux, Documentation/ABI/testing/sysfs-devices-system-cpu): read from a folder, or as another
/// machine printed it.
#pragma once

#include "core/host.h"

/// The longest that is taken of what another machine prints.
#define SYSFS_TEXT_MAX ((size_t)256 << 10)

/// Puts into `host` what is below `root`, the folder that stands for "/" (a copy of a host's sys
/// and proc), in place of what it had; what is not there is left as it is. `root` may be a copy of
/// the folder "vulnerabilities" alone. CPULIFT_EINPUT: there are no vulnerabilities;
/// CPULIFT_ESYSTEM: they could not be read, which is another thing.
int sysfs_load(const char *root, cpulift_host *host, cpulift_error **err);

/// The command for another machine's shell that prints what sysfs_parse() reads.
extern const char sysfs_command[];

/// The same from that command's output; other lines are no error, as a login may print some. `name`
/// stands in messages.
int sysfs_parse(const char *text, size_t len, const char *name, cpulift_host *host,
                cpulift_error **err);
