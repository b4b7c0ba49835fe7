// SPDX-License-Identifier: LGPL-2.1-or-later
/// Errors: one line for a person, and a code that decides the exit status.
#pragma once

#include <glib.h>

/// What kind of failure this is. Every function that can fail returns 0 or one of these.
enum cpulift_code {
    CPULIFT_EINPUT = -1,    ///< what was read is malformed, too large or contradicts itself
    CPULIFT_ESYSTEM = -2,   ///< the system (files, processes, memory) failed
    CPULIFT_EMISSING = -3,  ///< something that is needed is not installed or not there
    CPULIFT_EREMOTE = -4,   ///< libvirt or QEMU failed or did not answer in time
    CPULIFT_EREFUSED = -5,  ///< the answer is no: a policy or a promise stands against it
    CPULIFT_ECONFLICT = -6, ///< the world changed since it was read
    CPULIFT_EUSAGE = -7     ///< what was asked for is not written as it must be
};

typedef struct cpulift_error {
    int code;      ///< enum cpulift_code
    char *message; ///< one line, no newline: what, 'quoted subject', why; what to do
} cpulift_error;

/// Sets *err (may be NULL; an error that is already there is kept) and returns `code`.
/// Control characters in the finished message are replaced by '?', so that hostile input cannot
/// forge lines or steer a terminal.
int cpulift_error_set(cpulift_error **err, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

#ifdef __clang_analyzer__
// What the analyzer cannot see from another file: the code is the caller's, so never 0. Without it,
// it follows every caller past a call that failed.
#define cpulift_error_set(err, code, ...)                                                          \
    ((void)(cpulift_error_set)(err, code, __VA_ARGS__), (code))
#endif

/// Puts `format…` and ": " in front of the message in *err (may be NULL). Returns `code`, which is
/// what the call that failed returned: with and without an error object the same.
int cpulift_error_prefix(cpulift_error **err, int code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/// Frees *err and sets it to NULL.
void cpulift_error_clear(cpulift_error **err);

void cpulift_error_free(cpulift_error *err);

/// The exit status that DESIGN.md gives this error: 1 for "the answer is no", 64 for wrong usage,
/// else 2.
int cpulift_error_exit_status(const cpulift_error *err);

/// Returns from the calling function with the code of `call` where that failed: the one way to stop
/// at the first error (docs/CODING_STYLE.md). What the function owns goes by its cleanup
/// attributes.
#define TRY(call)                                                                                  \
    do {                                                                                           \
        int try_rc = (call);                                                                       \
        if (try_rc != 0) {                                                                         \
            return try_rc;                                                                         \
        }                                                                                          \
    } while (0)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(cpulift_error, cpulift_error_free)
