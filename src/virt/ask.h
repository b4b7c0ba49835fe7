// SPDX-License-Identifier: LGPL-2.1-or-later
/// Asks many hosts at the same time, each in a process of its own, since no call of libvirt has a
/// deadline.
#pragma once

#include "core/catalog.h"

#include "base/auto.h"

/// Whom to ask, and what came of it; all is owned.
struct ask_host {
    char *name;         ///< what the host shall be called; NULL: what it calls itself
    char *uri;          ///< NULL: whatever answers on this machine
    json_t *document;   ///< NULL where the host did not answer; then `err`
    char *via;          ///< the connection that was chosen
    json_t *warnings;   ///< lines
    cpulift_error *err; ///< why not
};

struct ask {
    GPtrArray *hosts; ///< struct ask_host *, see ask_hosts_new
    const catalog *map;
    unsigned timeout_ms;                     ///< for each host
    size_t parallel;                         ///< so many at the same time
    void (*tell)(size_t done, size_t count); ///< called after each host
};

/// An array of struct ask_host * that owns them.
GPtrArray *ask_hosts_new(void);

/// Adds one; both are copied and may be NULL.
void ask_hosts_add(GPtrArray *hosts, const char *name, const char *uri);

/// Adds those of a file's text (core/hosts_file.h). `where` stands in messages.
int ask_hosts_parse(GPtrArray *hosts, const char *text, const char *where, cpulift_error **err);

/// What messages call it. Borrowed.
const char *ask_host_to_string(const struct ask_host *host);

/// Asks them all; each then has its document or its error.
void ask_all(const struct ask *ask);
