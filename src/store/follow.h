// SPDX-License-Identifier: LGPL-2.1-or-later
/// Follows one key of etcd and keeps one document there under a lease, for as long as it lives, on
/// the default main loop. etcd may go away and come back.
#pragma once

#include "store/etcd.h"

typedef struct follow follow;

struct follow_calls {
    /// The key holds this now; told for each change, and each time that etcd was found again.
    void (*value)(void *data, const char *text, size_t len);

    /// It holds nothing, or etcd is away, and why; told once for each time.
    void (*fault)(void *data, const char *why);

    /// etcd answers, and the document does not stand there; told once for each reason. NULL: nobody
    /// is told.
    void (*refused)(void *data, const char *why);
    void *data;
};

struct follow_state {
    bool is_connected;   ///< etcd answers, and tells of changes
    bool is_published;   ///< the document stands there
    const char *refusal; ///< why it does not, though etcd answers; NULL: it was not refused
    guint64 outages;     ///< how often etcd went away
};

/// Begins at once. `client` is taken over. The document is gone `ttl` seconds after this is silent;
/// a third of it is how often it tells that it lives. The caller's.
follow *follow_new(etcd *client, const char *key, unsigned ttl, const struct follow_calls *calls);

/// Keeps this document there from now on, and its member for ever, in place of the one before. One
/// that another owner keeps at the same key stays.
void follow_publish(follow *self, const struct etcd_place *place, const char *text, size_t len);

struct follow_state follow_get_state(const follow *self);

/// The document stays until its lease ends: whoever begins anew within it was never away.
void follow_free(follow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(follow, follow_free)
