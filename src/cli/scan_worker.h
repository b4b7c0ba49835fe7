// SPDX-License-Identifier: LGPL-2.1-or-later
/// One host of `scan`, asked in a process of its own: the child's part, and the parent's reading of
/// what the child sent.
#pragma once

#include "cli/scan_targets.h"
#include "core/catalog.h"

#include "base/auto.h"

/// What came of one target; all is owned.
struct scan_result {
    json_t *document;   ///< NULL where the host did not answer; then `err`
    char *via;          ///< the connection that was chosen
    json_t *warnings;   ///< lines
    cpulift_error *err; ///< why not
};

/// Asks the target; returns what scan_worker_parse reads. The caller frees it.
char *scan_worker_run(const struct scan_target *target, const catalog *map, unsigned timeout_ms);

/// Reads what a child sent.
void scan_worker_parse(const char *text, size_t len, const struct scan_target *target,
                       struct scan_result *ret_result);

void scan_result_clear(struct scan_result *result);
