// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/cpu/host.h"

#include <cpuid.h>
#include <glib.h>
#include <sched.h>

struct key {
    uint32_t leaf, subleaf;
    int cpu;
};

struct mask_host {
    GHashTable *answers; ///< struct key → struct mask_regs
    cpu_set_t home;      ///< where this process may run by itself
};

static unsigned hash_key(gconstpointer pointer)
{
    const struct key *key = pointer;
    return key->leaf * 2654435761U ^ key->subleaf * 40503U ^ (unsigned)key->cpu;
}

static gboolean equal_keys(gconstpointer a, gconstpointer b)
{
    const struct key *x = a, *y = b;
    return x->leaf == y->leaf && x->subleaf == y->subleaf && x->cpu == y->cpu;
}

struct mask_host *mask_host_new(void)
{
    struct mask_host *host = g_new0(struct mask_host, 1);
    host->answers = g_hash_table_new_full(hash_key, equal_keys, g_free, g_free);
    sched_getaffinity(0, sizeof host->home, &host->home);
    return host;
}

void mask_host_free(struct mask_host *host)
{
    if (host != NULL) {
        g_hash_table_unref(host->answers);
        g_free(host);
    }
}

/// Leaves in which two CPUs of one machine may differ: APIC ids, topology, caches and kinds of
/// cores. Source: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E.
static bool is_per_cpu(uint32_t leaf)
{
    static const uint32_t leaves[] = {0x1,  0x2,  0x4,        0xb,        0x18,
                                      0x1a, 0x1f, 0x8000001d, 0x8000001e, 0x80000026};
    for (size_t i = 0; i < G_N_ELEMENTS(leaves); i++) {
        if (leaves[i] == leaf) {
            return true;
        }
    }
    return false;
}

static struct mask_regs execute(uint32_t leaf, uint32_t subleaf)
{
    struct mask_regs regs;
    __cpuid_count(leaf, subleaf, regs.eax, regs.ebx, regs.ecx, regs.edx);
    return regs;
}

static struct mask_regs execute_on(const struct mask_host *host, uint32_t leaf, uint32_t subleaf,
                                   int cpu)
{
    cpu_set_t there;
    CPU_ZERO(&there);
    CPU_SET((size_t)cpu, &there);
    // Where this process may not run, the traced one was moved since: any CPU is as good.
    bool has_moved = sched_setaffinity(0, sizeof there, &there) == 0;
    struct mask_regs regs = execute(leaf, subleaf);
    if (has_moved) {
        sched_setaffinity(0, sizeof host->home, &host->home);
    }
    return regs;
}

struct mask_regs mask_host_read(void *data, uint32_t leaf, uint32_t subleaf, int cpu)
{
    struct mask_host *host = data;
    struct key key = {leaf, subleaf, is_per_cpu(leaf) && cpu < CPU_SETSIZE ? cpu : -1};
    const struct mask_regs *known = g_hash_table_lookup(host->answers, &key);
    if (known != NULL) {
        return *known;
    }
    struct mask_regs regs =
        key.cpu >= 0 ? execute_on(host, leaf, subleaf, key.cpu) : execute(leaf, subleaf);
    // A program that walks through all numbers must not fill the memory.
    if (g_hash_table_size(host->answers) < 65536) {
        g_hash_table_insert(host->answers, g_memdup2(&key, sizeof key),
                            g_memdup2(&regs, sizeof regs));
    }
    return regs;
}
