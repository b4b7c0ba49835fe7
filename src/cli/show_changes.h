// SPDX-License-Identifier: LGPL-2.1-or-later
/// A changeset for people: a row for each file, not its content.
#pragma once

#include <jansson.h>

/// `json` has been checked. The caller frees the text.
char *show_changes(const json_t *json);
