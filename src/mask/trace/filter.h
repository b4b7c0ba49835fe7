// SPDX-License-Identifier: LGPL-2.1-or-later
/// The seccomp filter of the traced program: it names the few system calls that the tracer must
/// see, and lets all others pass at full speed.
#pragma once

#include "base/error.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Why a call stops: the data of SECCOMP_RET_TRACE.
enum filter_reason {
    FILTER_PASS,    ///< it does not
    FILTER_MAP,     ///< mmap of executable memory, or over what is there
    FILTER_UNMAP,   ///< munmap
    FILTER_PROTECT, ///< mprotect, pkey_mprotect to executable
    FILTER_REMAP,   ///< mremap
    FILTER_OPEN,    ///< open, openat for reading
    FILTER_SECCOMP, ///< the program installs a filter of its own
    FILTER_ACTION,  ///< the program sets what SIGILL or SIGSEGV does
    FILTER_BLOCK,   ///< the program blocks signals, or unblocks them
    FILTER_FILL,    ///< the kernel may write into watched memory: by a filter of its own
    FILTER_CLONE,   ///< clone with CLONE_UNTRACED, clone3
    FILTER_MODE,    ///< the program asks whether CPUID faults, or wants it to (arch_prctl)
    FILTER_LEGACY,  ///< any call of the 32-bit interface: int 0x80, which replaces CPUID
    FILTER_EXEC,    ///< none of the filter's: the end of an execve
};

/// Installs the filter in the calling process, which needs a tracer from now on.
/// With `is_open_seen`, opening files stops too.
int filter_install(bool is_open_seen, cpulift_error **err);

/// A call that stops for FILTER_FILL if its argument is first to last.
struct filter_fill {
    uint32_t nr, argument;
    uint64_t first, last;
};

/// Instructions of a filter for so many calls.
#define FILTER_FILL_SIZE(count) (5 + 9 * (count))

/// Writes the filter for the calls into `ret_code`. Returns the number of instructions.
unsigned short filter_fill_make(const struct filter_fill *calls, size_t count,
                                struct sock_filter *ret_code);
