// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/memory.h"

#include "base/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

/// The longest run that is handed out at once.
#define RUN_MAX ((size_t)16 << 20)

static void clear_mapping(void *data)
{
    struct mapping *mapping = data;
    g_free(mapping->path);
}

static bool parse_mapping(const char *line, struct mapping *ret)
{
    char prot[5];
    int path_at = 0;
    struct mapping m = {0};
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64 " %n", &m.start, &m.end,
               prot, &m.offset, &m.inode, &path_at) != 5) {
        return false;
    }
    m.prot = (prot[0] == 'r' ? PROT_READ : 0) | (prot[1] == 'w' ? PROT_WRITE : 0) |
             (prot[2] == 'x' ? PROT_EXEC : 0);
    m.map_start = m.start;
    m.map_end = m.end;
    m.path = g_strchomp(g_strdup(line + path_at));
    *ret = m;
    return true;
}

GArray *memory_read_maps(pid_t pid, uint64_t start, uint64_t end)
{
    GArray *maps = g_array_new(FALSE, FALSE, sizeof(struct mapping));
    g_array_set_clear_func(maps, clear_mapping);
    g_autofree char *path = g_strdup_printf("/proc/%d/maps", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return maps;
    }
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) {
        struct mapping mapping;
        if (!parse_mapping(line, &mapping)) {
            continue;
        }
        if (mapping.start < end && mapping.end > start) {
            g_array_append_val(maps, mapping);
            continue;
        }
        g_free(mapping.path);
        if (mapping.start >= end) {
            break; // they are in order
        }
    }
    free(line);
    fclose(file);
    return maps;
}

bool memory_is_open(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/maps", pid);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 || errno == ENOENT || errno == ESRCH; // it is gone
}

uint64_t memory_read_status(pid_t pid, const char *key, unsigned base, uint64_t otherwise)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", pid), *text = NULL;
    const char *at = g_file_get_contents(path, &text, NULL, NULL) ? strstr(text, key) : NULL;
    return at != NULL ? g_ascii_strtoull(at + strlen(key), NULL, base) : otherwise;
}

size_t memory_read(pid_t pid, uint64_t addr, void *ret_bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        // Page by page at the ends of mappings: a partial transfer stops at the first bad page.
        struct iovec local = {(char *)ret_bytes + done, size - done};
        struct iovec remote = {(void *)(uintptr_t)(addr + done), size - done};
        ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    return done;
}

/// By words of eight bytes, of which the rest is read before and written again: what other threads
/// write there meanwhile is lost.
static bool write_words(pid_t tid, uint64_t addr, const uint8_t *from, size_t size)
{
    while (size > 0) {
        uint64_t word_at = addr & ~UINT64_C(7);
        size_t skip = addr - word_at, part = MIN(size, 8 - skip);
        uint64_t word;
        if (memory_read(tid, word_at, &word, sizeof word) != sizeof word) {
            return false;
        }
        memcpy((uint8_t *)&word + skip, from, part);
        if (ptrace(PTRACE_POKEDATA, tid, (void *)(uintptr_t)word_at, (void *)(uintptr_t)word) !=
            0) {
            return false;
        }
        addr += part;
        from += part;
        size -= part;
    }
    return true;
}

bool memory_write(pid_t tid, uint64_t addr, const void *bytes, size_t size)
{
    // Just these bytes. Not to be had of a program that may not be dumped, nor where the kernel is
    // told that this file is no way around the protection of memory (proc_mem.force_override).
    g_autofree char *path = g_strdup_printf("/proc/%d/mem", tid);
    autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    return (fd >= 0 && pwrite(fd, bytes, size, (off_t)addr) == (ssize_t)size) ||
           write_words(tid, addr, bytes, size);
}

/// True if the page has contents. Source: Documentation/admin-guide/mm/pagemap.rst, bits 62, 63.
static bool is_page_there(int pagemap, uint64_t addr)
{
    uint64_t entry;
    off_t at = (off_t)(addr / MEMORY_PAGE * sizeof entry);
    return pagemap < 0 || pread(pagemap, &entry, sizeof entry, at) != sizeof entry ||
           (entry >> 62) != 0;
}

static void hand_out(pid_t pid, uint64_t start, uint64_t end,
                     void (*visit)(void *, uint64_t, const uint8_t *, size_t), void *data)
{
    g_autofree uint8_t *bytes = g_malloc(end - start);
    size_t got = memory_read(pid, start, bytes, end - start);
    if (got > 0) {
        visit(data, start, bytes, got);
    }
}

void memory_each_run(pid_t pid, uint64_t start, uint64_t end, bool is_touched_only,
                     void (*visit)(void *data, uint64_t addr, const uint8_t *bytes, size_t size),
                     void *data)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/pagemap", pid);
    autoclose int pagemap = is_touched_only ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    for (uint64_t at = start; at < end;) {
        uint64_t stop = at;
        while (stop < end && stop - at < RUN_MAX && is_page_there(pagemap, stop)) {
            stop += MEMORY_PAGE;
        }
        if (stop > at) {
            hand_out(pid, at, stop, visit, data);
        }
        at = stop > at ? stop : at + MEMORY_PAGE;
    }
}
