// SPDX-License-Identifier: LGPL-2.1-or-later
/// Persistent definitions that cpulift changed. Two documents: what they were before, kept below
/// the root and written before the first changes; and what `apply --connect` says of a change.
#pragma once

#include "base/record.h"
#include "platform/root.h"

#define DOMAINS_TARGET "var/lib/cpulift/domains.json"

/// One definition and what becomes of it.
struct domain_edit {
    char *name, *uuid;
    bool is_active;
    char *before, *after;
    GPtrArray *losses; ///< char *: what the guest asked of its CPU and does not get
    const char *note;  ///< a warning, or NULL; in no document
};

typedef struct domain_edits {
    char *platform, *uri;
    bool is_committed;
    GPtrArray *edits; ///< struct domain_edit *
} domain_edits;

/// A definition as it was before cpulift changed it.
struct domain_kept {
    char *uri, *name, *uuid, *before;
};

typedef struct domains_kept {
    GPtrArray *domains; ///< struct domain_kept *
} domains_kept;

extern const struct record domain_edits_record, domains_kept_record;

domain_edits *domain_edits_new(const char *uri, bool is_committed);
void domain_edits_free(domain_edits *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(domain_edits, domain_edits_free)

/// An edit with nothing in it, borrowed.
struct domain_edit *domain_edits_add(domain_edits *self);

/// The document below the root, or an empty one; the caller's.
int domains_load(const root_dir *root, domains_kept **ret_kept, cpulift_error **err);
void domains_free(domains_kept *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(domains_kept, domains_free)

/// Replaces the document; one without domains is removed.
int domains_save(const root_dir *root, const domains_kept *self, cpulift_error **err);

/// Remembers what `edit` changes at `uri`, unless it is remembered already: what it was first is
/// what a rollback brings back.
void domains_add(domains_kept *self, const char *uri, const struct domain_edit *edit);
