// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where the agent's plan comes from and where what it knows of its host goes to: one place, which
/// the key `plan` names. Each kind is a row of a table (agent/source.c).
#pragma once

#include "agent/settings.h"

#include <stddef.h>

/// Told on the default main loop.
struct source_calls {
    /// The place holds this document now; who is told judges it.
    void (*plan)(void *data, const char *text, size_t len);

    /// It cannot be read, and why. What was told before stays in force.
    void (*fault)(void *data, const char *why);
    void *data;
};

typedef struct source source;

struct source_kind {
    const char *prefix; ///< of the key's value: "/" or "etcd://"

    /// Whether the keys make sense, without anybody being asked. NULL: they always do.
    int (*check)(const agent_settings *settings, cpulift_error **err);

    /// Begins to tell: at once what is there, later each change. *ret_source is the caller's.
    int (*open)(const agent_settings *settings, const struct source_calls *calls,
                source **ret_source, cpulift_error **err);

    /// Puts this host's document (cpulift.host/1, of which it takes a copy) where a fleet finds it
    /// and keeps it there while the agent lives. NULL: the place has none for it.
    void (*publish)(source *self, const char *text, size_t len);

    /// Adds what is to be said of the place itself. NULL: nothing.
    void (*measure)(const source *self, GString *metrics);

    void (*close)(source *self); ///< and frees it
};

/// What every source begins with.
struct source {
    const struct source_kind *kind;
    struct source_calls calls;
};

/// Refuses keys with which source_open() could never succeed.
int source_check(const agent_settings *settings, cpulift_error **err);

/// Opens the one that the key `plan` names.
int source_open(const agent_settings *settings, const struct source_calls *calls,
                source **ret_source, cpulift_error **err);

/// Where the place takes documents of hosts.
void source_publish(source *self, const char *text, size_t len);

/// Adds to the metrics what the place has to say of itself.
void source_measure(const source *self, GString *metrics);

void source_close(source *self);

extern const struct source_kind source_file, source_etcd, source_etcds;
