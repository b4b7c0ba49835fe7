// SPDX-License-Identifier: LGPL-2.1-or-later
/// What an agent consists of, for those of its files that see all of it.
#pragma once

#include "agent/enforce.h"
#include "agent/guests.h"
#include "agent/host.h"
#include "agent/server.h"

typedef struct agent {
    const agent_settings *settings;
    catalog *map;
    plans *plans;
    ledger *ledger;
    guests *guests;
    host_watch *host;
    enforce *enforce; ///< NULL: it is off
    agent_server *server;
    gint64 started; ///< seconds since 1970
    guint tick;     ///< the one timer that runs when nothing happens
    int lock;       ///< of its folder
} agent;
