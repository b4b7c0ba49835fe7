// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where documents are kept beside files: a fleet's hosts in etcd,
/// "etcd://HOST[:PORT][,HOST[:PORT]…]/PREFIX" or with TLS "etcds://…", a pool's plan there,
/// "etcd://…/PREFIX/plan/POOL", and an agent: "https://HOST:PORT", "http+unix:///run/….sock", and
/// "http://HOST:PORT" for a loopback address.
#pragma once

#include "base/error.h"

#include <stdbool.h>

typedef struct store_address {
    char *text;    ///< as it was written, for messages
    bool is_etcd;  ///< else an agent
    bool is_clear; ///< what is sent crosses a network for all to read
    char **urls;   ///< "https://HOST:PORT": etcd's members, or the agent
    char *socket;  ///< path of an agent's Unix socket; NULL: it is asked over the network
    char *prefix;  ///< of etcd's keys, without a slash at its end; NULL for an agent
    char *pool;    ///< whose plan is meant; NULL: none, the hosts are
} store_address;

/// True where the text begins as an address does, right or wrong; else it is a file.
bool address_is(const char *text);

/// True where it is one of a plan.
bool address_is_plan(const char *text);

/// CPULIFT_EUSAGE where it is none. *ret_address is the caller's.
int address_parse(const char *text, store_address **ret_address, cpulift_error **err);

void address_free(store_address *address);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(store_address, address_free)
