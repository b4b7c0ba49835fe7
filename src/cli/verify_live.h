// SPDX-License-Identifier: LGPL-2.1-or-later
/// verify of hosts that are asked now, in the order of these calls.
#pragma once

#include "cli/ask_options.h"
#include "fleet/document.h"

/// Asks the hosts that are named for their documents and guests, and says who did not answer; none
/// at all is an error. *ret_asked (see ask_hosts_new) is the caller's.
int verify_live_ask(const struct ask_options *options, const catalog *map, GPtrArray **ret_asked,
                    cpulift_error **err);

/// Adds the documents of those that answered; the others may be left out.
int verify_live_add_hosts(GPtrArray *asked, inventory *hosts, cpulift_error **err);

/// Adds the guests (fleet_guest *) that run there. What cannot be read is told, and is a guest of
/// which no more is known.
void verify_live_add_guests(const GPtrArray *asked, GPtrArray *guests);

/// Asks libvirt there, one host of each kind, for its own opinion of each kind of guest.
void verify_live_ask_opinions(const struct ask_options *options, const GPtrArray *asked,
                              fleet_matrix *matrix);

/// Notes those that did not answer and were not left out; returns how many.
size_t verify_live_add_silent(const GPtrArray *asked, fleet_report *report);
