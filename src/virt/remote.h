// SPDX-License-Identifier: LGPL-2.1-or-later
/// What libvirt does not tell of another machine, by one command over ssh: core/sysfs.h. Nothing is
/// left there, and no shell of this machine sees a word of it.
#pragma once

#include "core/sysfs.h"

/// ssh's arguments for the server that a libvirt's URI names, as "qemu+ssh://user@node7:22/system";
/// only an ssh URI's user and port are meant for ssh. CPULIFT_EUSAGE: it names none that can be
/// one. *ret_argv is the caller's.
int remote_get_argv(const char *uri, unsigned timeout_ms, char ***ret_argv, cpulift_error **err);

/// Asks it. ssh must get in without a question. `name` is what messages call the host.
int remote_read(const char *uri, const char *name, unsigned timeout_ms, cpulift_host *host,
                cpulift_error **err);
