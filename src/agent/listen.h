// SPDX-License-Identifier: LGPL-2.1-or-later
/// Sockets that listen.
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct listen_place {
    const char *address; ///< "unix:/run/x.sock", "127.0.0.1:9177", "[::1]:9177"
    unsigned mode;       ///< of a Unix socket
};

/// True for a Unix socket: TLS has no place there.
bool listen_is_unix(const char *address);

/// Refuses what is none of the three forms; *ret_is_loopback as listen_open() has it.
int listen_check(const char *address, bool *ret_is_loopback, cpulift_error **err);

/// Opens it; *ret_fd is the caller's. *ret_is_loopback: nobody beyond this machine reaches it. A
/// Unix socket that nobody listens on any more is replaced; one on which somebody does is not.
int listen_open(const struct listen_place *place, int *ret_fd, bool *ret_is_loopback,
                cpulift_error **err);

/// Removes what listen_open() made in the file system.
void listen_remove(const char *address);
