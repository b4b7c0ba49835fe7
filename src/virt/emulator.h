// SPDX-License-Identifier: LGPL-2.1-or-later
/// A QEMU process of our own, that is asked something and ends with us.
#pragma once

#include "base/error.h"

#include <sys/types.h>

struct emulator {
    pid_t pid;      ///< 0: not running
    int complaints; ///< the nameless file that is its standard error
};

/// Starts argv[0] (looked up in $PATH) with these standard streams (-1 is /dev/null). It is killed
/// when the calling thread ends. *ret_emulator is the caller's, for emulator_stop.
int emulator_start(const char *const *argv, int in, int out, struct emulator *ret_emulator,
                   cpulift_error **err);

/// The last of what it wrote on its standard error, or "it said nothing". The caller frees it.
char *emulator_get_complaint(const struct emulator *emulator);

/// Waits until it ends by itself, at most `timeout_ms`. Returns its wait status, or -1 where it
/// still runs.
int emulator_wait(struct emulator *emulator, unsigned timeout_ms);

/// Kills it if it still runs; it has nothing to lose.
void emulator_stop(struct emulator *emulator);
