// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/space.h"

#include "mask/look/decode.h"
#include "mask/trace/memory.h"
#include "mask/trace/watch.h"

#include <string.h>

static const uint8_t cpuid_bytes[CPUID_LENGTH] = {CPUID_BYTE_0, CPUID_BYTE_1};
static const uint8_t trap_bytes[TRAP_COUNT][CPUID_LENGTH] = {
    [TRAP_SYSCALL] = {0xcd, 0x80},
    [TRAP_SIGNAL] = {0x0f, 0x0b},
};

/// The first byte of int 0x80, and of any other interrupt.
#define INT_BYTE 0xcd

/// Where the context begins, before the site.
#define CONTEXT_BEFORE 6

/// Addresses and hashes are kept as keys themselves.
static gpointer to_key(uint64_t value)
{
    return (gpointer)(uintptr_t)value;
}

struct space *space_new(void)
{
    struct space *space = g_new0(struct space, 1);
    space->refs = 1;
    space->is_64 = true;
    space->sites = g_hash_table_new(NULL, NULL);
    space->copies = g_hash_table_new(NULL, NULL);
    return space;
}

struct space *space_ref(struct space *space)
{
    space->refs++;
    return space;
}

static GHashTable *copy_keys(GHashTable *from)
{
    GHashTable *to = g_hash_table_new(NULL, NULL);
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, from);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        g_hash_table_add(to, key);
    }
    return to;
}

struct space *space_copy(const struct space *space)
{
    struct space *copy = g_memdup2(space, sizeof *space);
    copy->refs = 1;
    copy->sites = copy_keys(space->sites);
    copy->copies = copy_keys(space->copies);
    copy->watch = watch_copy(space->watch);
    return copy;
}

void space_unref(struct space *space)
{
    if (space != NULL && --space->refs == 0) {
        g_hash_table_unref(space->sites);
        g_hash_table_unref(space->copies);
        watch_free(space->watch);
        g_free(space);
    }
}

/// FNV-1a over the bytes around `addr` without the two of the site itself. 0 if unreadable.
static uint64_t hash_context(pid_t tid, uint64_t addr)
{
    uint8_t bytes[SPACE_CONTEXT];
    if (memory_read(tid, addr - CONTEXT_BEFORE, bytes, sizeof bytes) != sizeof bytes) {
        return 0;
    }
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bool is_site = i >= CONTEXT_BEFORE && i < CONTEXT_BEFORE + CPUID_LENGTH;
        hash = is_site ? hash : (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/// Sites that stand close together change each other's context: it is noted again.
static void note_context(struct space *space, pid_t tid, uint64_t addr)
{
    for (uint64_t at = addr - SPACE_CONTEXT; at <= addr + SPACE_CONTEXT; at++) {
        if (g_hash_table_contains(space->sites, to_key(at))) {
            g_hash_table_add(space->copies, to_key(hash_context(tid, at)));
        }
    }
}

/// Puts one instruction into the place of another, which other threads may execute meanwhile. CPUID
/// and ud2 differ in their second byte only. On the way to int 0x80 and back there is another
/// interrupt for a moment, which faults: space_is_torn.
static bool replace(pid_t tid, uint64_t addr, const uint8_t *before, const uint8_t *after)
{
    size_t first = after[0] == INT_BYTE ? 0 : 1;
    for (size_t i = 0; i < CPUID_LENGTH; i++) {
        size_t at = i ^ first;
        if (before[at] != after[at] && !memory_write(tid, addr + at, &after[at], 1)) {
            memory_write(tid, addr + first, &before[first], 1); // in another page, perhaps
            return false;
        }
    }
    return true;
}

bool space_is_torn(struct space *space, pid_t tid, uint64_t addr)
{
    uint8_t bytes[CPUID_LENGTH];
    return space_is_site(space, tid, addr) &&
           memory_read(tid, addr, bytes, sizeof bytes) == sizeof bytes &&
           memcmp(bytes, trap_bytes[space->trap], sizeof bytes) == 0;
}

bool space_patch(struct space *space, pid_t tid, uint64_t addr)
{
    uint8_t bytes[CPUID_LENGTH];
    if (memory_read(tid, addr, bytes, sizeof bytes) != sizeof bytes) {
        return false;
    }
    if (memcmp(bytes, cpuid_bytes, sizeof bytes) != 0) {
        return g_hash_table_contains(space->sites, to_key(addr)) &&
               memcmp(bytes, trap_bytes[space->trap], sizeof bytes) == 0;
    }
    if (!replace(tid, addr, cpuid_bytes, trap_bytes[space->trap])) {
        return false;
    }
    g_hash_table_add(space->sites, to_key(addr));
    note_context(space, tid, addr);
    return true;
}

/// The sites within [start, end). Array of uint64_t, the caller's.
static GArray *list_sites(const struct space *space, uint64_t start, uint64_t end)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, space->sites);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        uint64_t addr = (uintptr_t)key;
        if (addr >= start && addr < end) {
            g_array_append_val(found, addr);
        }
    }
    return found;
}

bool space_has(const struct space *space, uint64_t start, uint64_t end)
{
    g_autoptr(GArray) sites = list_sites(space, start, end);
    return sites->len > 0 || watch_has(space->watch, start, end);
}

static void forget_sites(struct space *space, uint64_t start, uint64_t end)
{
    g_autoptr(GArray) gone = list_sites(space, start, end);
    for (unsigned i = 0; i < gone->len; i++) {
        g_hash_table_remove(space->sites, to_key(g_array_index(gone, uint64_t, i)));
    }
}

void space_forget(struct space *space, uint64_t start, uint64_t end)
{
    forget_sites(space, start, end);
    watch_forget(space->watch, start, end);
}

void space_move(struct space *space, uint64_t from, uint64_t length, uint64_t to)
{
    g_autoptr(GArray) moved = list_sites(space, from, from + length);
    forget_sites(space, from, from + length);
    for (unsigned i = 0; i < moved->len; i++) {
        g_hash_table_add(space->sites, to_key(g_array_index(moved, uint64_t, i) - from + to));
    }
}

bool space_is_site(struct space *space, pid_t tid, uint64_t addr)
{
    if (g_hash_table_contains(space->sites, to_key(addr))) {
        return true;
    }
    uint64_t hash = hash_context(tid, addr);
    if (hash == 0 || !g_hash_table_contains(space->copies, to_key(hash))) {
        return false;
    }
    g_hash_table_add(space->sites, to_key(addr));
    return true;
}

void space_set_trap(struct space *space, pid_t tid, enum trap_kind trap)
{
    g_autoptr(GArray) all = list_sites(space, 0, UINT64_MAX);
    const uint8_t *before = trap_bytes[space->trap];
    for (unsigned i = 0; i < all->len; i++) {
        uint64_t addr = g_array_index(all, uint64_t, i);
        uint8_t bytes[CPUID_LENGTH];
        if (memory_read(tid, addr, bytes, sizeof bytes) == sizeof bytes &&
            memcmp(bytes, before, sizeof bytes) == 0) {
            replace(tid, addr, before, trap_bytes[trap]);
        }
    }
    space->trap = trap;
}
