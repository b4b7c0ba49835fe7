// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is told of guests becomes rows of the ledger, each start with the verdict on the CPU that
/// the guest got.
#pragma once

#include "agent/plans.h"
#include "agent/settings.h"
#include "core/catalog.h"
#include "store/ledger.h"

#include <stdbool.h>

typedef struct guests guests;

/// What it goes by; all but `changed` outlive it.
struct guests_needs {
    const agent_settings *settings;
    const plans *plans;
    ledger *ledger;
    const catalog *map;
    void (*up)(void *data);      ///< libvirt is back, and may be another
    void (*defined)(void *data); ///< persistent definitions changed
    void *data;
};

struct guests_state {
    const char *fault;        ///< why libvirt is not heard; NULL: it is
    guint64 downs;            ///< how often that began
    guint64 events, overruns; ///< told by libvirt; and how often some were passed over
    unsigned waiting;         ///< to be looked at
};

/// Begins to watch; the caller's.
guests *guests_open(const struct guests_needs *needs);

/// All that run are looked at and judged anew.
void guests_judge(guests *self);

/// Adds a row of what is about the host or the agent.
void guests_note(guests *self, const char *event, const char *how, const char *why);

/// Asks libvirt whether it still answers.
void guests_ping(guests *self);

struct guests_state guests_get(const guests *self);

/// Ends to watch, without waiting for a libvirt that hangs.
void guests_close(guests *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(guests, guests_close)
