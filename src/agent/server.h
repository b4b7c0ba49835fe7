// SPDX-License-Identifier: LGPL-2.1-or-later
/// HTTP for whoever asks the agent: GET alone, on Unix sockets, on loopback, and with TLS and
/// certificates of clients beyond it; all on the default main loop. Requests are short, and who is
/// slow is cut off.
#pragma once

#include "agent/settings.h"

#include <stddef.h>

/// So many connections at the same time on each address; more wait in the queue of the socket.
#define SERVER_CONNECTIONS 128

/// So long one may last, answer and all, and so long it may be silent; while there are as many as
/// may be, one second.
#define SERVER_SECONDS 30
#define SERVER_SILENCE 10

/// What one connection may take of memory before it is answered: request line and headers.
#define SERVER_REQUEST_MAX 8192

/// The value of a query's argument ("since"), borrowed; NULL: not given.
typedef const char *server_get(const void *request, const char *argument);

struct server_answer {
    unsigned status;
    const char *type; ///< "application/json"; static
    char *body;       ///< the server's from then on
};

struct server_route {
    const char *path;
    const char *const *arguments; ///< those that it takes, NULL-terminated; NULL: none
    void (*answer)(void *data, server_get *get, const void *request, struct server_answer *answer);
};

typedef struct server agent_server;

/// Refuses keys of [http] with which server_open() could never succeed.
int server_check(const agent_settings *settings, cpulift_error **err);

/// Listens where the configuration says. `routes` end with a path NULL. The caller's.
int server_open(const agent_settings *settings, const struct server_route *routes, void *data,
                agent_server **ret_server, cpulift_error **err);

/// How many requests were answered, by the status: 200 (and others below 300), 400 to 499, 500 on.
void server_count(const agent_server *self, guint64 *ret_good, guint64 *ret_refused,
                  guint64 *ret_failed);

void server_close(agent_server *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(agent_server, server_close)
