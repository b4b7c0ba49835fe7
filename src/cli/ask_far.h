// SPDX-License-Identifier: LGPL-2.1-or-later
/// Hosts that are not asked through libvirt, but through their agents or etcd (store/address.h).
#pragma once

#include "virt/ask.h"

/// Whether it has such an address.
bool ask_far_is(const struct ask_host *host);

/// Refuses addresses that are none, and a name for all hosts of an etcd.
int ask_far_check(const GPtrArray *hosts, cpulift_error **err);

/// Moves those that have an address out of `hosts`. The caller's, which owns them.
GPtrArray *ask_far_take(GPtrArray *hosts);

/// Asks them and moves them into `hosts`, each with its answer or its error; instead of an etcd the
/// hosts there.
void ask_far_ask(GPtrArray *far, unsigned timeout_ms, enum ask_what what, GPtrArray *hosts);
