// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/watch.h"

#include "mask/trace/memory.h"

#include <sys/mman.h>

/// A page that changes more often than this is given what the program asked for.
#define FLIPS_MAX 16

struct area {
    uint64_t start, end;
};

struct watch {
    GArray *areas;     ///< struct area, not overlapping
    GArray *released;  ///< struct area: watched no more, though it is there still
    GHashTable *flips; ///< page number → how often it changed
};

static struct watch *make(void)
{
    struct watch *watch = g_new0(struct watch, 1);
    watch->areas = g_array_new(FALSE, FALSE, sizeof(struct area));
    watch->released = g_array_new(FALSE, FALSE, sizeof(struct area));
    watch->flips = g_hash_table_new(NULL, NULL);
    return watch;
}

struct watch *watch_copy(const struct watch *watch)
{
    if (watch == NULL) {
        return NULL;
    }
    struct watch *copy = make();
    g_array_append_vals(copy->areas, watch->areas->data, watch->areas->len);
    g_array_append_vals(copy->released, watch->released->data, watch->released->len);
    GHashTableIter iter;
    gpointer key, value;
    g_hash_table_iter_init(&iter, watch->flips);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        g_hash_table_insert(copy->flips, key, value);
    }
    return copy;
}

void watch_free(struct watch *watch)
{
    if (watch != NULL) {
        g_array_unref(watch->areas);
        g_array_unref(watch->released);
        g_hash_table_unref(watch->flips);
        g_free(watch);
    }
}

void watch_add(struct watch **watch, uint64_t start, uint64_t end)
{
    if (*watch == NULL) {
        *watch = make();
    }
    watch_remove(*watch, start, end);
    struct area area = {start, end};
    g_array_append_val((*watch)->areas, area);
}

static void cut(GArray *areas, uint64_t start, uint64_t end)
{
    for (unsigned i = areas->len; i-- > 0;) {
        struct area area = g_array_index(areas, struct area, i);
        if (area.start >= end || area.end <= start) {
            continue;
        }
        g_array_remove_index_fast(areas, i);
        const struct area rests[] = {{area.start, start}, {end, area.end}};
        for (int k = 0; k < 2; k++) {
            if (rests[k].start < rests[k].end) {
                g_array_append_val(areas, rests[k]);
            }
        }
    }
}

void watch_remove(struct watch *watch, uint64_t start, uint64_t end)
{
    if (watch != NULL) {
        cut(watch->areas, start, end);
    }
}

void watch_release(struct watch *watch, uint64_t start, uint64_t end)
{
    struct area area = {start, end};
    watch_remove(watch, start, end);
    g_array_append_val(watch->released, area);
}

static gboolean is_within(gpointer page, gpointer flips, gpointer range)
{
    (void)flips;
    const struct area *gone = range;
    uint64_t addr = (uint64_t)(uintptr_t)page * MEMORY_PAGE;
    return addr >= gone->start && addr < gone->end;
}

void watch_forget(struct watch *watch, uint64_t start, uint64_t end)
{
    struct area gone = {start, end};
    watch_remove(watch, start, end);
    if (watch != NULL) {
        cut(watch->released, start, end);
        g_hash_table_foreach_remove(watch->flips, is_within, &gone);
    }
}

/// The first area that overlaps [start, end), NULL if there is none.
static const struct area *find_area(const GArray *areas, uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < areas->len; i++) {
        const struct area *area = &g_array_index(areas, struct area, i);
        if (start < area->end && end > area->start) {
            return area;
        }
    }
    return NULL;
}

bool watch_has(const struct watch *watch, uint64_t start, uint64_t end)
{
    return watch != NULL && find_area(watch->areas, start, end) != NULL;
}

void watch_get_area(const struct watch *watch, uint64_t addr, uint64_t *ret_start,
                    uint64_t *ret_end)
{
    const struct area *area = watch != NULL ? find_area(watch->areas, addr, addr + 1) : NULL;
    if (area != NULL) {
        *ret_start = area->start;
        *ret_end = area->end;
    }
}

bool watch_get_any(const struct watch *watch, uint64_t *ret_start, uint64_t *ret_end)
{
    if (watch == NULL || watch->areas->len == 0) {
        return false;
    }
    *ret_start = g_array_index(watch->areas, struct area, 0).start;
    *ret_end = g_array_index(watch->areas, struct area, 0).end;
    return true;
}

int watch_get_protection(enum watch_verdict verdict)
{
    static const int protections[] = {
        [WATCH_EXECUTE] = PROT_READ | PROT_EXEC,
        [WATCH_WRITE] = PROT_READ | PROT_WRITE,
        [WATCH_OPEN] = PROT_READ | PROT_WRITE | PROT_EXEC,
    };
    return protections[verdict];
}

/// Counts a change of the page; when there have been too many, it is not watched any more.
static bool is_worn(struct watch *watch, uint64_t page)
{
    gpointer key = (gpointer)(uintptr_t)page;
    unsigned flips = GPOINTER_TO_UINT(g_hash_table_lookup(watch->flips, key)) + 1;
    g_hash_table_insert(watch->flips, key, GUINT_TO_POINTER(flips));
    if (flips <= FLIPS_MAX) {
        return false;
    }
    watch_remove(watch, page * MEMORY_PAGE, (page + 1) * MEMORY_PAGE);
    return true;
}

enum watch_verdict watch_judge(struct watch *watch, uint64_t addr, int prot, bool is_execution,
                               bool is_repeated)
{
    uint64_t page = addr / MEMORY_PAGE;
    if (watch == NULL || prot < 0) {
        return WATCH_NOT_OURS;
    }
    // Two threads fault on one page: when the second one's turn comes, the page has changed.
    bool was_changed = g_hash_table_contains(watch->flips, (gpointer)(uintptr_t)page) ||
                       find_area(watch->released, addr, addr + 1) != NULL;
    bool is_allowed = (prot & (is_execution ? PROT_EXEC : PROT_WRITE)) != 0;
    if (was_changed && is_allowed && !is_repeated) {
        return WATCH_RETRY;
    }
    // A write close behind the instruction that makes it looks like a fetch at first.
    is_execution = is_execution && !is_allowed;
    // Any other protection than the one we gave is the program's own doing since.
    int given = is_execution ? PROT_READ | PROT_WRITE : PROT_READ | PROT_EXEC;
    if (prot != given || !watch_has(watch, addr, addr + 1)) {
        return WATCH_NOT_OURS;
    }
    if (is_worn(watch, page)) {
        return WATCH_OPEN;
    }
    return is_execution ? WATCH_EXECUTE : WATCH_WRITE;
}
