// SPDX-License-Identifier: LGPL-2.1-or-later
/// The edit of a <cpu> element in the bytes of a domain; which bytes, core/domain.c decides.
#pragma once

#include "base/xmltext.h"

struct domain_edit {
    const char *text;
    size_t len;
    struct xmltext_element cpu;
    const GArray *children;   ///< struct xmltext_element: the element children of `cpu`
    const bool *is_discarded; ///< for each child: it goes
};

/// The text with the attributes and children of `definition` (the text of a <cpu> element, ASCII)
/// in the place of the discarded ones. NULL if `definition` is no element.
GString *domain_edit_replace(const struct domain_edit *edit, const char *definition);

/// The element alone, with what of it is a definition's: those attributes, and the children that
/// are discarded.
GString *domain_edit_extract(const struct domain_edit *edit);

/// The text with an empty <cpu/> after `anchor`, on a line of its own if `anchor` has one.
GString *domain_edit_insert(const char *text, size_t len, const struct xmltext_element *anchor);
