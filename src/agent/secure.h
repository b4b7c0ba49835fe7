// SPDX-License-Identifier: LGPL-2.1-or-later
/// TLS of the agent's HTTP, with certificates of clients.
#pragma once

#include "agent/settings.h"

#include <microhttpd.h>
#include <stdbool.h>

typedef struct secure secure;

/// Reads the files that the configuration names: all three, or none (*ret_secure NULL).
int secure_load(const agent_settings *settings, struct secure **ret_secure, cpulift_error **err);

/// Fills four options, the last of which ends them; they borrow from `self`.
void secure_get_options(const struct secure *self, struct MHD_OptionItem *options);

/// True where the client of this connection has shown a certificate for clients that the
/// authorities signed and that is valid today. TLS itself only asks for one.
bool secure_is_client(struct MHD_Connection *connection);

void secure_free(struct secure *self);
