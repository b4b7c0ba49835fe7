// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the hosts of a plan say of each vulnerability, or would say.
#pragma once

#include "core/inventory.h"
#include "core/plan.h"
#include "core/protection.h"

/// Where a host's texts are from.
enum protection_source {
    PROTECTION_SCANNED,   ///< its kernel said so
    PROTECTION_PREDICTED, ///< told from its own CPU, as far as guests see that
    PROTECTION_UNTOLD,    ///< neither
};

/// Hosts of which the same is known.
struct protection_hosts {
    enum protection_source source;
    json_t *texts;                  ///< file → text; NULL: none
    GPtrArray *names;               ///< borrowed, sorted
    const char *vendor;             ///< borrowed; NULL: not known
    const cpulift_host *host;       ///< borrowed; NULL: there is no document
    const struct host_guest *guest; ///< what it gives guests of the plan; NULL: not known
};

/// "scanned" …
const char *protection_source_to_string(enum protection_source source);

/// One for each kind of the inventory, and one for all hosts of the plan that are not in it. Array
/// of struct protection_hosts *, which borrows from both; the caller unrefs.
GPtrArray *protection_find_hosts(const catalog *map, const cpulift_plan *plan,
                                 const inventory *hosts, const protection_kernel *kernel);
