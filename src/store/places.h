// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where a command takes host documents from: files, as core/inventory_load.h, agents, and etcd.
#pragma once

#include "core/inventory.h"
#include "core/plan.h"
#include "store/address.h"

/// Adds the documents of all these places to `inv`: what inventory_load() takes, and addresses
/// (store/address.h). An agent that does not answer, and a host that etcd's pool must have and has
/// no document of, is an error that names it, unless it is left out.
int places_load(inventory *inv, char *const *places, size_t count, cpulift_error **err);

/// Calls `add` for each host of etcd's pool, all as they were at one revision: with its document,
/// or with NULL where the pool must have it and its agent is silent. A pool without hosts is an
/// error.
int places_list(const store_address *address,
                int (*add)(void *data, const char *name, const char *text, size_t len,
                           cpulift_error **err),
                void *data, cpulift_error **err);

/// As plan_load(), and from "etcd://HOST:PORT/PREFIX/plan/POOL".
int places_load_plan(const char *place, cpulift_plan **ret_plan, cpulift_error **err);

/// Puts a plan's text there.
int places_save_plan(const char *place, const char *text, cpulift_error **err);
