// SPDX-License-Identifier: LGPL-2.1-or-later
/// Texts in OpenNebula's template language: NAME = "value", NAME = [ NAME = "value", … ], #
/// comment.
#pragma once

#include <glib.h>
#include <stdbool.h>

/// Where an attribute stands: from its name to behind its value.
typedef struct onetemplate_span {
    size_t start, end;
} onetemplate_span;

/// Finds the attribute of this name that is in force: the last, whatever the case of its letters.
/// False where there is none.
bool onetemplate_find(const GString *text, const char *name, onetemplate_span *ret_span);

/// Its text without the comments in it; NULL where there is none. The caller's.
char *onetemplate_copy(const GString *text, const char *name);

/// The value of a member of such a vector, NULL where it has none. The caller's.
char *onetemplate_get_member(const char *attribute, const char *name);
