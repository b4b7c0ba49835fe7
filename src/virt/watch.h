// SPDX-License-Identifier: LGPL-2.1-or-later
/// The guests of one libvirt, watched: what becomes of them is told on GLib's default main loop, in
/// the order in which it happened. No call of libvirt has a deadline, so all are made in a thread
/// of their own; a libvirt that ends, hangs or comes back is told, and connected to again. The
/// process is to be quiet (conn_be_quiet).
#pragma once

#include "virt/news.h"

/// So many things may wait to be looked at; what comes beyond is told as WATCH_LOST.
#define WATCH_WAITING_MAX 100000

struct watch_calls {
    /// It answers, for the first time or again; what happened before may not have been seen.
    void (*up)(void *data);

    /// It does not: it could not be opened, it was lost, or it hangs.
    void (*down)(void *data, const char *why);
    void (*told)(void *data, const struct watch_news *news);
    void *data;
};

typedef struct watch watch;

/// Begins; the caller's.
watch *watch_new(const char *uri, const struct watch_calls *calls);

/// Asks for all that run, in turn with what happens.
void watch_list(watch *self);

/// Asks libvirt whether it answers: `down` is told where it does not. Nothing else would notice one
/// that hangs while nothing happens.
void watch_ping(watch *self);

/// So much waits to be looked at.
unsigned watch_count_waiting(const watch *self);

/// Ends it, without waiting for a libvirt that does not answer.
void watch_free(watch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(watch, watch_free)
