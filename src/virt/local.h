// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the kernel of this machine says about itself and its CPU's vulnerabilities.
#pragma once

#include "core/host.h"

/// Adds the kernel's version and its list of vulnerabilities (Linux,
/// Documentation/ABI/testing/sysfs-devices-system-cpu). `root` is the folder that stands for "/".
/// What is not there is left out.
void local_read(const char *root, cpulift_host *host);
