// SPDX-License-Identifier: LGPL-2.1-or-later
/// The hosts of a pool, grouped by kind: hosts whose documents differ in nothing but the name, the
/// size and when they were scanned (members that follow the name, as cpulift writes them). A fleet
/// has many hosts and few kinds, so a document that was seen before costs a comparison, not a
/// parse.
#pragma once

#include "core/host.h"

struct host_kind {
    cpulift_host *host; ///< the first of them, owned
    bool is_borrowed;   ///< not so: by inventory_derive
    GPtrArray *names;   ///< every host's name, owned, sorted by inventory_sort
};

typedef struct inventory {
    const catalog *map;
    GPtrArray *kinds; ///< struct host_kind *; after inventory_sort ordered by their first name
    size_t host_count;
    struct inventory_private *private;
} inventory;

/// `map` must outlive the inventory.
inventory *inventory_new(const catalog *map);
void inventory_free(inventory *inv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(inventory, inventory_free)

/// Leaves out the hosts that are added later and whose names match the shell's pattern
/// ("node[1-3]", "blue-*").
void inventory_add_without(inventory *inv, const char *pattern);

/// From now on patterns leave out only hosts that did not answer; the others may leave in
/// inventory_derive().
void inventory_keep_answered(inventory *inv);

/// Refuses those that are added later and were scanned before `oldest` or after `newest` (seconds
/// since 1970), or do not say when.
void inventory_set_ages(inventory *inv, gint64 oldest, gint64 newest);

/// Refuses a pool that lacks one of these hosts (strings) and does not leave it out. To be called
/// once all are added; `where` names the list.
int inventory_demand(inventory *inv, const GPtrArray *names, const char *where,
                     cpulift_error **err);

/// The hosts that were left out, sorted. The caller frees the array only.
const char **inventory_get_left_out(const inventory *inv, size_t *ret_count);

/// The first by name of the patterns that matched no host, borrowed; NULL where all did.
const char *inventory_get_unseen(const inventory *inv);

/// Adds one host document, NUL-terminated at `len`; `where` stands in messages. A second host of a
/// name is an error.
int inventory_add_text(inventory *inv, const char *text, size_t len, const char *where,
                       cpulift_error **err);

/// Orders names and kinds, so that nothing later depends on the order of adding. To be called once
/// all are added.
void inventory_sort(inventory *inv);

/// The hosts of `from`, less all that its patterns leave out; more may be added, and then they are
/// to be sorted. Borrows their documents: `from` must outlive it.
inventory *inventory_derive(const inventory *from);

/// All hosts that are like the one of this name, which must be there, are from now on as `host`
/// says, which is taken over. To be called once they are sorted.
void inventory_upgrade(inventory *inv, const char *name, cpulift_host *host);

/// What the guests of the host of this name share, as its own document says.
struct host_size inventory_get_size(const inventory *inv, const char *name);

/// The kind of the host of this name, or NULL.
const struct host_kind *inventory_find(const inventory *inv, const char *name);
