// SPDX-License-Identifier: LGPL-2.1-or-later
/// The persistent definitions of a libvirt as a store: what platform, which does not see libvirt,
/// changes and takes back by platform/store.h.
#pragma once

#include "platform/store.h"
#include "virt/conn.h"

/// For stores_new(). A URI that names a server and leads to another host than its key says is
/// refused: the guests that are not there would be forgotten.
int libvirt_store_open(const store_key *key, struct store **ret_store, cpulift_error **err);

/// Opens the libvirt at `uri` and adds it to `all`, for whatever is kept of it under whichever URI.
/// *ret_key is the caller's (record_free), *ret_conn borrowed from `all`.
int libvirt_store_add(struct stores *all, const char *uri, store_key **ret_key,
                      const virt_conn **ret_conn, cpulift_error **err);

/// Adds the libvirt at `uri`, which is gone for good, without asking it: it has no guest. Returns
/// its key, the caller's (record_free).
store_key *libvirt_store_add_gone(struct stores *all, const char *uri);
