// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a plan does to its guests' protection, for people.
#pragma once

#include "core/protection_compare.h"

/// Of an item with "hosts" and "host_count": "a, b and 3 more". The caller frees it.
char *protection_table_join_hosts(const json_t *item);

/// What the verdict of a vulnerability of the document is for: "for want of md-clear, …"; empty
/// where there is nothing to say. The caller frees it.
char *protection_table_explain(const json_t *document, const json_t *item);

/// A document of protection_compare() as a table. The caller frees it.
char *protection_table_format(const json_t *document);
