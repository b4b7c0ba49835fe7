// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where the elements of an XML text stand in its bytes: for editing in place, which a parsed tree
/// cannot do. It takes texts that base/xml.h has accepted (of any other it may say nonsense, but
/// stays within the text) in encodings whose bytes below 0x80 are ASCII.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/// Offsets into the text; an empty element ("<a/>") has open_end == close_start == end.
struct xmltext_element {
    size_t start;       ///< the '<' of its start tag
    size_t name_len;    ///< the qualified name stands at start + 1
    size_t open_end;    ///< after the '>' of the start tag: the content begins
    size_t close_start; ///< the '<' of the end tag: the content ends
    size_t end;         ///< after the end tag
};

struct xmltext_attribute {
    size_t start; ///< of the blanks before it
    size_t name;
    size_t name_len;
    size_t end; ///< after the closing quote
};

/// The outermost elements within [from, to), in order, as a GArray of struct xmltext_element that
/// is the caller's; NULL where tags do not pair up or a declaration (<!DOCTYPE …>) stands there.
GArray *xmltext_find_elements(const char *text, size_t from, size_t to);

/// The attribute at or after offset `from` in the start tag of `element`; 0 begins with the first.
/// False when there is none left.
bool xmltext_find_attribute(const char *text, const struct xmltext_element *element, size_t from,
                            struct xmltext_attribute *ret_attribute);

/// True for XML's white space.
static inline bool xmltext_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
