// SPDX-License-Identifier: LGPL-2.1-or-later
/// What etcd's JSON gateway (version 3 of its API) is asked and answers, as text. Pure.
#pragma once

#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/// Codes of gRPC that decide what is done next.
enum etcd_code {
    ETCD_NOT_FOUND = 5,
    ETCD_UNAVAILABLE = 14,
    ETCD_UNAUTHENTICATED = 16,
};

/// A key and its value; of an event that deletes it the value is NULL.
typedef struct etcd_pair {
    char *key;
    size_t key_len;
    char *value; ///< NUL-terminated; NULL: empty
    size_t len;
    guint64 revision; ///< when it was written
    guint64 lease;    ///< that it goes with; 0: it stays
} etcd_pair;

struct etcd_event {
    bool is_delete;
    etcd_pair kv;
};

/// Any answer; what it does not say is 0 or NULL. All is owned.
typedef struct etcd_reply {
    struct etcd_header {
        guint64 revision;
    } header;
    GPtrArray *pairs;  ///< etcd_pair *
    bool is_more;      ///< there are more of them
    bool is_done;      ///< a transaction did what it was for
    guint64 lease;     ///< that was granted or kept
    guint64 ttl;       ///< seconds; 0: it is gone
    char *token;       ///< of a user
    bool is_created;   ///< a watch begins
    bool is_cancelled; ///< a watch ends
    guint64 compacted; ///< it ends because older revisions than this are gone
    char *why;         ///< it ends
    GPtrArray *events; ///< struct etcd_event *
    unsigned code;     ///< enum etcd_code, or another of gRPC's, of an answer that is an error
    char *error;       ///< what it says; NULL: it is none
} etcd_reply;

/// Parses an answer, or a line of a stream of them; `name` stands in messages. An answer that says
/// an error is parsed, too. *ret_reply is the caller's.
int etcd_reply_parse(const char *text, size_t len, const char *name, etcd_reply **ret_reply,
                     cpulift_error **err);

void etcd_reply_free(etcd_reply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(etcd_reply, etcd_reply_free)

/// The first key behind all that begin with `prefix` (not empty). The caller frees it.
char *etcd_reply_end(const char *prefix);

/// Bodies of requests. The caller frees them. Keys are texts; `end` NULL: the key alone.
char *etcd_request_range(const char *key, size_t key_len, const char *end, guint64 limit,
                         guint64 revision);
char *etcd_request_put(const char *key, const char *value, size_t len, guint64 lease);
char *etcd_request_grant(unsigned ttl);
char *etcd_request_keep(guint64 lease);
/// Whose document stands where.
struct etcd_place {
    const char *key;    ///< it goes with its lease
    const char *member; ///< this stays, and holds the owner
    const char *owner;  ///< by this one host is told from another of its name
};
/// Puts a value under a lease, and together with it the owner at `member`: where that is the owner
/// already, or nobody's value stands at the key. Else is_done is false.
char *etcd_request_publish(const struct etcd_place *place, const char *value, size_t len,
                           guint64 lease);
char *etcd_request_watch(const char *key, const char *end, guint64 revision);
