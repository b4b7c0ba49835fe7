// SPDX-License-Identifier: LGPL-2.1-or-later
/// The definitions as they were before cpulift changed them: a document below the root, written
/// before the first definition changes.
#pragma once

#include "platform/root.h"
#include "virt/definitions.h"

#include "base/auto.h"

#define DOMAINS_TARGET "var/lib/cpulift/domains.json"
#define DOMAINS_SCHEMA "cpulift.domains/1"

/// The document, or an empty one; the caller's.
int domains_load(const root_dir *root, json_t **ret_document, cpulift_error **err);

/// Replaces the document; one without domains is removed.
int domains_save(const root_dir *root, const json_t *document, cpulift_error **err);

/// Remembers `definition` of `uri`, unless it is remembered already: what it was first is what a
/// rollback brings back.
void domains_add(json_t *document, const char *uri, const struct definition *definition);
