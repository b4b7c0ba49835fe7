// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is in force below a root: the journal held against the files, the installed plan, and the
/// guests that hooks let start untuned.
#pragma once

#include "platform/root.h"

#include "base/auto.h"

/// Reads the state as a document (`schema` "cpulift.status/1"); the caller's. *ret_is_good is false
/// where a file is no longer as cpulift left it, or an apply was killed.
int state_read(const root_dir *root, json_t **ret_state, bool *ret_is_good, cpulift_error **err);

/// The document for people. The caller's.
char *state_format(const json_t *state);
