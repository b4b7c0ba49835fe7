// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/pack.h"

struct entry {
    const struct pack_item *item;
    size_t index;   ///< of the item as it was given
    size_t options; ///< so many bins take it while all are as free as they were
    size_t next;    ///< the bin to be tried next; bin_count: none is left
};

struct packing {
    struct entry *entries;
    size_t count;
    struct pack_bin *bins;
    size_t bin_count, budget;
    size_t *chosen; ///< of each entry that is placed
};

static bool fits(const struct pack_item *item, const struct pack_bin *bin)
{
    return item->can[bin->kind] && item->memory <= bin->memory && item->cpus <= bin->cpus;
}

/// Who has the fewest options goes first, then the largest.
static int compare_entries(const void *a, const void *b)
{
    const struct entry *ea = a, *eb = b;
    const struct pack_item *ia = ea->item, *ib = eb->item;
    return ea->options != eb->options ? (ea->options < eb->options ? -1 : 1)
           : ia->memory != ib->memory ? (ia->memory > ib->memory ? -1 : 1)
           : ia->cpus != ib->cpus     ? (ia->cpus > ib->cpus ? -1 : 1)
           : ea->index < eb->index    ? -1
                                      : 1;
}

static bool is_wanted(const struct packing *packing, const struct pack_bin *bin)
{
    for (size_t i = 0; i < packing->count; i++) {
        if (packing->entries[i].item->can[bin->kind]) {
            return true;
        }
    }
    return false;
}

/// False where a sum alone, or an item alone, is too large.
static bool is_thinkable(const struct packing *packing)
{
    guint64 memory = 0, cpus = 0, free_memory = 0, free_cpus = 0;
    for (size_t i = 0; i < packing->count; i++) {
        if (packing->entries[i].options == 0) {
            return false;
        }
        memory += packing->entries[i].item->memory;
        cpus += packing->entries[i].item->cpus;
    }
    for (size_t b = 0; b < packing->bin_count; b++) {
        bool is_one = is_wanted(packing, &packing->bins[b]);
        free_memory += is_one ? packing->bins[b].memory : 0;
        free_cpus += is_one ? packing->bins[b].cpus : 0;
    }
    return memory <= free_memory && cpus <= free_cpus;
}

/// True where a bin that was tried for this entry before is just like this one: those before it
/// that take it were.
static bool was_tried(struct packing *packing, const struct entry *entry, size_t bin)
{
    packing->budget -= MIN(packing->budget, bin);
    const struct pack_bin *one = &packing->bins[bin];
    for (size_t b = 0; b < bin; b++) {
        const struct pack_bin *other = &packing->bins[b];
        if (other->kind == one->kind && other->memory == one->memory && other->cpus == one->cpus &&
            fits(entry->item, other)) {
            return true;
        }
    }
    return false;
}

static void move(struct packing *packing, size_t at, bool is_in)
{
    struct pack_bin *bin = &packing->bins[packing->chosen[at]];
    const struct pack_item *item = packing->entries[at].item;
    bin->memory += is_in ? -item->memory : item->memory;
    bin->cpus += is_in ? -item->cpus : item->cpus;
}

/// Places the entry in the next bin that takes it and is not like one before; false: none is left.
static bool place(struct packing *packing, size_t at)
{
    struct entry *entry = &packing->entries[at];
    for (; entry->next < packing->bin_count; entry->next++) {
        packing->budget -= packing->budget > 0;
        if (fits(entry->item, &packing->bins[entry->next]) &&
            !was_tried(packing, entry, entry->next)) {
            packing->chosen[at] = entry->next++;
            move(packing, at, true);
            return true;
        }
    }
    return false;
}

static enum pack_answer search(struct packing *packing)
{
    size_t at = 0;
    while (at < packing->count) {
        if (place(packing, at)) {
            at++;
            continue;
        }
        if (at == 0) {
            return PACK_IMPOSSIBLE;
        }
        if (packing->budget == 0) {
            return PACK_GIVEN_UP;
        }
        packing->entries[at].next = 0;
        move(packing, --at, false);
    }
    return PACK_FOUND;
}

enum pack_answer pack_find(const struct pack_item *items, size_t count, struct pack_bin *bins,
                           size_t bin_count, size_t budget, size_t *ret_bins)
{
    g_autofree struct entry *entries = g_new0(struct entry, count);
    g_autofree size_t *chosen = g_new0(size_t, count);
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct entry){.item = &items[i], .index = i};
        for (size_t b = 0; b < bin_count; b++) {
            entries[i].options += fits(&items[i], &bins[b]);
        }
    }
    if (count > 0) {
        qsort(entries, count, sizeof *entries, compare_entries);
    }
    struct packing packing = {entries, count, bins, bin_count, budget + count * bin_count, chosen};
    enum pack_answer answer = is_thinkable(&packing) ? search(&packing) : PACK_IMPOSSIBLE;
    for (size_t i = 0; answer == PACK_FOUND && i < count; i++) {
        ret_bins[entries[i].index] = chosen[i];
    }
    return answer;
}
