// SPDX-License-Identifier: LGPL-2.1-or-later
/// A client of etcd over its JSON gateway (etcd 3.4): on a main context, for an agent, or waiting,
/// for a command. Its members are tried one after the other, each with a deadline.
#pragma once

#include "store/access.h"
#include "store/address.h"
#include "store/etcd_reply.h"

/// What is kept below an address's prefix.
#define ETCD_HOSTS   "/hosts/"   ///< NAME: its document, which goes when its agent is silent
#define ETCD_MEMBERS "/members/" ///< NAME: nothing; stays: the pool must have this host
#define ETCD_PLANS   "/plan/"    ///< POOL: its plan

typedef struct etcd etcd;
typedef struct etcd_call etcd_call;

/// Called once for a call, for a stream with each of its answers until one is an error. `reply` is
/// the function's to free; NULL where etcd did not answer. `err` NULL: all is well. May start and
/// cancel calls, but not free the client.
typedef void (*etcd_done)(void *data, etcd_reply *reply, const cpulift_error *err);

/// `context` NULL: the default one. The address is etcd's; a password that would cross a network
/// for all to read is refused. *ret_client is the caller's.
int etcd_new(GMainContext *context, const store_address *address, const store_access *access,
             etcd **ret_client, cpulift_error **err);

/// Cancels what still goes on.
void etcd_free(etcd *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(etcd, etcd_free)

/// The prefix and `part` and `name` as a key. The caller frees it.
char *etcd_name_key(const etcd *self, const char *part, const char *name);

/// Starts a call of the gateway ("/v3/kv/range"); `body`, of etcd_reply.h, is taken over. It is
/// borrowed until `done` is called or it is cancelled.
etcd_call *etcd_start(etcd *self, const char *path, char *body, etcd_done done, void *data);

/// The same for a stream that goes on without a deadline. One that breaks is not begun anew: where,
/// its caller knows; the next call asks another member.
etcd_call *etcd_start_stream(etcd *self, const char *path, char *body, etcd_done done, void *data);

/// NULL is fine.
void etcd_cancel(etcd_call *call);

/// Waits for the answer of one call: for commands, with a context of their own.
int etcd_perform(etcd *self, const char *path, char *body, etcd_reply **ret_reply,
                 cpulift_error **err);

/// Calls `add` for each key below the prefix and `part`, in their order, as they were at one
/// revision: *revision, or the newest where it is 0, which is then set. `name` is the rest of the
/// key. Waits, ten minutes at most.
int etcd_list(etcd *self, const char *part, guint64 *revision,
              int (*add)(void *data, const char *name, const etcd_pair *pair, cpulift_error **err),
              void *data, cpulift_error **err);
