// SPDX-License-Identifier: LGPL-2.1-or-later
/// Agents' documents over HTTP.
#pragma once

#include "store/access.h"
#include "store/address.h"

/// One agent to ask, and what came of it; owned. `text` NULL: it did not answer, and `err` says
/// why.
struct agents_host {
    store_address *address;
    char *path; ///< what it is asked for: "/v1/host"
    char *text;
    size_t len;
    cpulift_error *err;
};

/// An array of struct agents_host * that owns them.
GPtrArray *agents_new(void);

/// Adds one, whose address is taken over.
void agents_add(GPtrArray *agents, store_address *address, const char *path);

/// Asks them all, many at the same time, each with a deadline.
void agents_get(const GPtrArray *agents, const store_access *access, unsigned timeout_ms);
