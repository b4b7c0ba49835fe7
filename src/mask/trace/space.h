// SPDX-License-Identifier: LGPL-2.1-or-later
/// An address space of the traced program: which of its instructions were replaced, and by what.
/// Threads share one; a fork has a copy, as it has of the memory.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// What stands in the place of CPUID. All are two bytes long, as CPUID is.
enum trap_kind {
    TRAP_SYSCALL, ///< int 0x80: a stop that involves no signal. 64-bit code has no other use for it
    TRAP_SIGNAL,  ///< ud2: where int 0x80 is in use (32-bit code) or not to be had
    TRAP_COUNT,
};

/// Bytes around a replaced instruction, by which a copy of the code is known again.
#define SPACE_CONTEXT 14

/// Bytes of unused memory in which the tracer may put what a call in the program's name reads: an
/// action, or the kernel's struct of a signal (kernel_siginfo: 48 bytes).
#define SPACE_SPARE 48

/// In how many places of the address space the calls that fill memory stop.
#define SPACE_FILLS_MAX 8

/// Where they do. An execve does not take the filters away.
struct space_fills {
    unsigned count;
    bool is_refused; ///< the kernel takes none, and is not asked again
    struct {
        uint64_t first, last;
    } ranges[SPACE_FILLS_MAX];
};

struct watch;

struct space {
    unsigned refs;
    bool is_64;
    bool is_sandboxed; ///< has a seccomp filter of its own, which an execve does not take away
    bool is_released;  ///< has installed it itself: no memory is watched any more
    enum trap_kind trap;
    uint64_t syscall_at; ///< in the vDSO: syscall, or int 0x80 of 32-bit programs; 0: none
    uint64_t spare_at;   ///< SPACE_SPARE unused bytes in the vDSO, 0 if there are none
    GHashTable *sites;   ///< addresses of replaced instructions
    GHashTable *copies;  ///< hashes of the context of each site
    struct watch *watch; ///< writable and executable memory under watch, NULL: none
    struct space_fills fills;
};

struct space *space_new(void);
struct space *space_ref(struct space *space);
struct space *space_copy(const struct space *space);
void space_unref(struct space *space);

/// Replaces the CPUID at `addr` in the stopped task. True if it is replaced (also if it was
/// before). False where there is none or the memory cannot be changed.
bool space_patch(struct space *space, pid_t tid, uint64_t addr);

/// Forgets sites and watched memory within [start, end): what is there is new, or nothing.
void space_forget(struct space *space, uint64_t start, uint64_t end);

/// True if there is a site or watched memory within [start, end).
bool space_has(const struct space *space, uint64_t start, uint64_t end);

/// Takes over the sites of memory that was moved.
void space_move(struct space *space, uint64_t from, uint64_t length, uint64_t to);

/// True if the trap at `addr` is ours: a site, or code that was copied from around one.
bool space_is_site(struct space *space, pid_t tid, uint64_t addr);

/// True if the trap at `addr` is whole: what faulted there was half of it, put there meanwhile.
bool space_is_torn(struct space *space, pid_t tid, uint64_t addr);

/// Changes what all sites are replaced by.
void space_set_trap(struct space *space, pid_t tid, enum trap_kind trap);
