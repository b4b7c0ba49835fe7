// SPDX-License-Identifier: LGPL-2.1-or-later
/// The memory of a traced process.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MEMORY_PAGE 4096U

/// One line of /proc/PID/maps.
struct mapping {
    uint64_t start, end, offset;
    uint64_t map_start, map_end; ///< the whole mapping, of which this may be a part
    int prot;                    ///< PROT_READ | PROT_WRITE | PROT_EXEC
    uint64_t inode;              ///< 0 for anonymous memory
    char *path;                  ///< "" for anonymous memory
};

/// The mappings that overlap [start, end). Array of struct mapping, the caller's; empty where the
/// process is gone.
GArray *memory_read_maps(pid_t pid, uint64_t start, uint64_t end);

/// False, with errno, where the process cannot be looked into. EACCES, EPERM: it has asked for that
/// (PR_SET_DUMPABLE), or its program may not be read, and the tracer is not root.
bool memory_is_open(pid_t pid);

/// The number behind `key` ("\nTgid:") in /proc/PID/status (proc(5)), to this base; `otherwise`
/// where it cannot be read.
uint64_t memory_read_status(pid_t pid, const char *key, unsigned base, uint64_t otherwise);

/// Reads up to `size` bytes. Returns how many could be read.
size_t memory_read(pid_t pid, uint64_t addr, void *ret_bytes, size_t size);

/// Writes bytes even where the program may not write, privately to the process, and, where the
/// kernel permits it, no others. `tid` must be stopped; other threads may run.
bool memory_write(pid_t tid, uint64_t addr, const void *bytes, size_t size);

/// Calls `visit` with the bytes of each run of pages of [start, end). With `is_touched_only` pages
/// that the process never touched are skipped, not brought in.
void memory_each_run(pid_t pid, uint64_t start, uint64_t end, bool is_touched_only,
                     void (*visit)(void *data, uint64_t addr, const uint8_t *bytes, size_t size),
                     void *data);
