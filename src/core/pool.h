// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the hosts of a pool give their guests on one virt type and machine type.
#pragma once

#include "core/inventory.h"

typedef struct cpulift_pool {
    const inventory *inv;
    const char *virt, *machine;       ///< borrowed
    const struct host_guest **guests; ///< one for each kind of the inventory; the array is owned
    const char *vendor;               ///< NULL when mixed or not known
    bool is_mixed_vendor;
    feature_set common;         ///< what every host can give
    feature_set any;            ///< what some host can give
    feature_set not_migratable; ///< as the map or any host's libvirt says
    unsigned phys_bits;         ///< the smallest; 0 if any is not known
    bool is_phys_bits_mixed;
} cpulift_pool;

/// So many names of features that this catalogue lacks: a plan says of each which kinds cost it.
#define POOL_UNKNOWN_MAX 1024

/// The inventory's hosts as a pool; a virt type or machine type of NULL is chosen
/// (struct planner_options). The inventory must outlive it, as must the strings. Hosts that cannot
/// be in it are CPULIFT_EINPUT, mixed vendors that are not allowed CPULIFT_EREFUSED; both name
/// them.
int pool_gather(const inventory *inv, const char *virt, const char *machine,
                bool is_mixed_vendor_allowed, cpulift_pool **ret_pool, cpulift_error **err);
void pool_free(cpulift_pool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(cpulift_pool, pool_free)

/// A name that hosts know and this catalogue does not.
struct pool_unknown {
    const char *name; ///< borrowed
    GArray *givers;   ///< the kinds that give it, as indices
};

/// These names, each once, sorted: struct pool_unknown *. The caller unrefs.
GPtrArray *pool_collect_unknown(const cpulift_pool *pool);

/// The kinds that are not among these. The caller unrefs.
GArray *pool_complement(const cpulift_pool *pool, const GArray *kinds);

/// True where CPUs of these vendors (NULL: a host does not say) are of one. One that is not said
/// may be any: under KVM it is another. Under TCG the guest's CPU is QEMU's, whatever the host's.
bool pool_is_one_vendor(const char *virt, const char *a, const char *b);

/// The vendor as policy_find_reason has it.
const char *pool_get_policy_vendor(const cpulift_pool *pool);

/// The kinds that cannot give a feature, as indices. The caller unrefs.
GArray *pool_find_costs(const cpulift_pool *pool, size_t id);

/// Names of hosts of these kinds: sorted, at most `most`; *ret_total is how many there
/// are. Unrefs nothing of the inventory; the caller frees the array only.
GPtrArray *pool_get_hosts(const inventory *inv, const GArray *kinds, size_t most,
                          size_t *ret_total);

/// "a, b and 3 more": at most `most` of these kinds' hosts, for a sentence. The caller frees it.
char *pool_join_hosts(const inventory *inv, const GArray *kinds, size_t most);

/// "host 'a'", or "hosts 'a', 'b' and 3 more": for a refusal. The caller frees it.
char *pool_quote_hosts(const inventory *inv, const GArray *kinds);

/// The same, but at most `most` of them.
char *pool_quote_some(const inventory *inv, const GArray *kinds, size_t most);
