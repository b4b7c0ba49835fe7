// SPDX-License-Identifier: LGPL-2.1-or-later
/// The private folder of libvirt's embedded QEMU driver.
#pragma once

#include "base/error.h"

/// Makes (once for the process, which can have one embedded driver only) a folder of this user
/// alone with the driver's configuration, and sets *ret_uri (the caller frees it) to
/// "qemu:///embed?root=FOLDER". The folder stays between runs, as libvirt keeps in it what it found
/// out about QEMU (3 to 8 s the first time, 0.06 s afterwards). Each process that runs at the same
/// time has a folder of its own; the cache is shared. Each QEMU in it ends with this process
/// (virt/keeper.h).
int embed_get_uri(char **ret_uri, cpulift_error **err);
