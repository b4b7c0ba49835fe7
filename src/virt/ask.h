// SPDX-License-Identifier: LGPL-2.1-or-later
/// Asks many hosts at the same time, each in a process of its own, since no call of libvirt has a
/// deadline.
#pragma once

#include "core/catalog.h"

#include "base/auto.h"

#include <stdbool.h>

/// What each host is asked; the members of its answer.
enum ask_what {
    ASK_DOCUMENT, ///< "document": what it can give (virt/scan.h)
    ASK_GUESTS,   ///< that, and "guests": those that run (virt/guests.h)
    ASK_OPINIONS, ///< "opinions": of the CPUs in its question (virt/opinion.h)
};

/// Whom to ask, and what came of it; all is owned.
struct ask_host {
    char *name;         ///< what the host shall be called; NULL: what it calls itself
    char *uri;          ///< NULL: whatever answers on this machine
    json_t *question;   ///< for ASK_OPINIONS
    json_t *answer;     ///< an object; besides, "via": the connection that was chosen, "warnings":
                        ///< lines. NULL where the host did not answer; then `err`
    cpulift_error *err; ///< why not
};

struct ask {
    GPtrArray *hosts; ///< struct ask_host *, see ask_hosts_new
    enum ask_what what;
    const catalog *map;
    bool is_via_ssh;     ///< other machines' kernels are asked, too (virt/remote.h)
    unsigned timeout_ms; ///< for each host
    size_t parallel;     ///< so many at the same time
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

/// Asks them all; each then has its answer or its error.
void ask_all(const struct ask *ask);
