// SPDX-License-Identifier: LGPL-2.1-or-later
/// Texts in OpenNebula's template language: NAME = "value", NAME = [ NAME = "value", … ], #
/// comment. They are read as OpenNebula reads them, surprises included.
#pragma once

#include "base/error.h"

#include <glib.h>

typedef struct onetemplate_attribute {
    char *name;          ///< in upper case, as OpenNebula compares it
    size_t start, end;   ///< in the text: from its name to behind its value
    char *value;         ///< NULL: it is a vector
    GHashTable *members; ///< of a vector: name in upper case → value; NULL: it is none
} onetemplate_attribute;

/// The attributes of a text in their order, as a GPtrArray of onetemplate_attribute that is the
/// caller's. CPULIFT_EINPUT where OpenNebula's parser stops. `path` stands in messages.
int onetemplate_parse(const GString *text, const char *path, GPtrArray **ret_attributes,
                      cpulift_error **err);

/// The attribute of this name (in upper case) that is in force, the last; borrowed. NULL: there is
/// none.
const onetemplate_attribute *onetemplate_find(const GPtrArray *attributes, const char *name);

/// Puts `assignment`, which sets the attribute of this name, into the place of the one in force, or
/// behind all. CPULIFT_EINPUT, and the text as it was, where OpenNebula cannot read it or would
/// then read another attribute otherwise.
int onetemplate_set(GString *text, const char *path, const char *name, const char *assignment,
                    cpulift_error **err);
