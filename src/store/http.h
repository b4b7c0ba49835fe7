// SPDX-License-Identifier: LGPL-2.1-or-later
/// An HTTP client on a main context: many calls at the same time, none of which blocks, each with a
/// cap and a deadline. No redirects, no proxies, no password in a URL.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct http http;
typedef struct http_call http_call;

/// Paths of PEM files. `ca` NULL: those that the system trusts; `cert` and `key` NULL: we show
/// none. Borrowed.
struct http_tls {
    const char *ca, *cert, *key;
};

/// Whether each can be read. A client does without, until a server asks for it.
int http_check_tls(const struct http_tls *tls, cpulift_error **err);

struct http_answer {
    const cpulift_error *err; ///< NULL: the server answered, perhaps with an error of its own
    long status;              ///< 200 …; 0 where it did not answer
    const char *text;         ///< NUL-terminated, borrowed until the function returns
    size_t len;
};

struct http_request {
    const char *url;
    const char *name;           ///< for messages; NULL: the URL
    const char *socket;         ///< path of the Unix socket to ask; NULL: the network
    const char *body;           ///< what to POST, JSON; NULL: GET
    const char *const *headers; ///< "Name: value", NULL-terminated; NULL: none
    size_t max;          ///< so many bytes an answer may have, of a stream what is not yet a line
    unsigned timeout_ms; ///< for all of it; 0: as long as it takes, for streams

    /// For a stream, each line of an answer with status 200, without its end; NULL: the answer is
    /// kept whole for `done`. May start and cancel calls.
    void (*line)(void *data, const char *line, size_t len);

    /// Called once, unless the call is cancelled: what came of it. The call is gone then. May start
    /// and cancel calls, but not free the client.
    void (*done)(void *data, const struct http_answer *answer);
    void *data;
};

/// A client whose calls go on while `context` (NULL: the default one) is iterated.
http *http_new(GMainContext *context, const struct http_tls *tls);

/// Cancels what still goes on.
void http_free(http *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(http, http_free)

/// Starts a call; all but `data` is copied. It is borrowed until `done` is called or it is
/// cancelled.
http_call *http_start(http *self, const struct http_request *request);

/// Ends a call; none of its functions is called any more. NULL is fine.
void http_cancel(http_call *call);
