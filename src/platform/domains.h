// SPDX-License-Identifier: LGPL-2.1-or-later
/// What versions before 0.2 kept of the definitions that they changed, beside the journal: read
/// only, as a changeset.
#pragma once

#include "platform/change.h"

#define DOMAINS_TARGET "var/lib/cpulift/domains.json"

/// One definition as it was before it was changed.
struct domain_kept {
    char *uri, *name, *uuid, *before;
};

typedef struct domains_kept {
    GPtrArray *domains; ///< struct domain_kept *
} domains_kept;

extern const struct record domains_kept_record;

/// *ret_file is the document (cleared by the caller), *ret_set what it says, the caller's: what the
/// definitions became is not known. NULL where there is none.
int domains_load(const root_dir *root, struct root_file *ret_file, changeset **ret_set,
                 cpulift_error **err);
