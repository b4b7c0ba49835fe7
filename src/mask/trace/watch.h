// SPDX-License-Identifier: LGPL-2.1-or-later
/// Memory that a program asked to be writable and executable at once: compilers at run time put
/// code there whenever they like, HotSpot its CPUID instructions. Such memory is given as writable
/// only. The first execution of a page faults: it is searched and becomes executable only; the
/// next write faults and makes it writable again. A page that changes too often is given what was
/// asked for, and is then not watched any more.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct watch;

struct watch *watch_copy(const struct watch *watch);
void watch_free(struct watch *watch);

/// Adds [start, end), now readable and writable. *watch may be NULL and is made.
void watch_add(struct watch **watch, uint64_t start, uint64_t end);

/// Removes [start, end) from what is watched.
void watch_remove(struct watch *watch, uint64_t start, uint64_t end);

/// The same, for memory that has got what was asked for: a fault from before may still come.
void watch_release(struct watch *watch, uint64_t start, uint64_t end);

/// Some memory under watch. False where there is none.
bool watch_get_any(const struct watch *watch, uint64_t *ret_start, uint64_t *ret_end);

/// The same as watch_remove, for memory that is there no more: nor is it known how often it
/// changed.
void watch_forget(struct watch *watch, uint64_t start, uint64_t end);

/// True if memory in [start, end) is watched. `watch` may be NULL.
bool watch_has(const struct watch *watch, uint64_t start, uint64_t end);

/// The memory under watch in which `addr` is; nothing is written where there is none.
void watch_get_area(const struct watch *watch, uint64_t addr, uint64_t *ret_start,
                    uint64_t *ret_end);

/// What to do about a fault.
enum watch_verdict {
    WATCH_NOT_OURS, ///< the program's own fault
    WATCH_EXECUTE,  ///< search the page and make it readable and executable
    WATCH_WRITE,    ///< make it readable and writable
    WATCH_OPEN,     ///< search it and give it all three
    WATCH_RETRY,    ///< another thread's fault has settled it meanwhile
};

/// Judges a fault at `addr` on memory that now has the protection `prot` (PROT_…), and notes the
/// change. `is_execution`: the instruction itself could not be fetched. `is_repeated`: the same
/// fault came again after WATCH_RETRY.
enum watch_verdict watch_judge(struct watch *watch, uint64_t addr, int prot, bool is_execution,
                               bool is_repeated);

/// The protection (PROT_…) that a page gets by WATCH_EXECUTE, WATCH_WRITE or WATCH_OPEN.
int watch_get_protection(enum watch_verdict verdict);
