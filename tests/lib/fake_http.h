// SPDX-License-Identifier: LGPL-2.1-or-later
/// A server that answers whatever it is told to, in a process of its own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct fake_http {
    unsigned port; ///< on 127.0.0.1
    pid_t pid;
};

/// Answers the first connection with the first text, and so on, the last one over and over; then
/// closes it, or, where `is_hanging`, sends no more and leaves it open. Ends the test where it
/// cannot. `NULL` among the texts closes the connection without a word.
struct fake_http fake_http_start(const char *const *texts, size_t count, bool is_hanging);

void fake_http_stop(struct fake_http *server);
