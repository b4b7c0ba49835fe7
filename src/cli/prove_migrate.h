// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift prove --migrate: the judgement of a guest that travelled.
#pragma once

#include "probe/migrate.h"

/// Runs and judges it. *ret_text (the caller's) is for standard output, JSON with `as_json`;
/// *ret_is_proved is true when the guest read the planned CPU at each stop and nothing changed.
int prove_migrate(const cpulift_plan *plan, const catalog *map,
                  const struct migrate_options *options, bool as_json, char **ret_text,
                  bool *ret_is_proved, cpulift_error **err);
