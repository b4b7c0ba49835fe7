// SPDX-License-Identifier: LGPL-2.1-or-later
/// What `explain` answers about hosts and guests: as JSON, and as text for people.
#pragma once

#include "cli/document.h"
#include "core/explain_newcomer.h"
#include "core/level.h"

/// A host of the pool: what its leaving gains, and that of all its kind. NULL: none is called so.
/// The caller's, as all answers.
json_t *explain_hosts_member(const explain *self, const char *name);

/// What new hosts would cost: an answer for each kind of the inventory, appended to `answers`.
void explain_hosts_newcomers(const explain *self, const cpulift_plan *plan, const inventory *inv,
                             json_t *answers);

/// What the guest of a definition or domain would gain and lose under the plan. CPULIFT_EINPUT: its
/// CPU depends on its host.
int explain_hosts_guest(const explain *self, const cpulift_plan *plan,
                        const struct document *document, const char *path, json_t **ret_answer,
                        cpulift_error **err);

/// What the leaving of whole kinds gains, and of the set of kinds that keep the pool from the next
/// level: a list.
json_t *explain_hosts_gains(const explain *self, const cpulift_plan *plan);

/// An answer of these, lines for people. The caller frees it.
char *explain_hosts_format(const json_t *answer);

/// True where the answer is that something would be lost.
bool explain_hosts_is_cost(const json_t *answer);

/// " (did you mean 'avx2'?)" of the pool's hosts and of all features, or "". The caller frees it.
char *explain_hosts_suggest(const explain *self, const char *what);
