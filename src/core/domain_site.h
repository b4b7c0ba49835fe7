// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where a domain's <cpu> stands in the bytes of its document, as the parser sees it.
#pragma once

#include "base/xmltext.h"
#include "core/domain.h" // circle: which has the document's struct, and finds with this what it edits

struct domain_site {
    const xmlNode *cpu;           ///< NULL: there is none
    struct xmltext_element place; ///< of it, or of the element to insert it after
};

/// CPULIFT_EINPUT: scanner and parser see different elements, or there are none.
int domain_find_site(const domain_document *document, struct domain_site *ret_site,
                     cpulift_error **err);

/// The element children of the <cpu>, in the text: NULL unless scanner and parser see the same. The
/// caller's.
GArray *domain_find_children(const domain_document *document, const struct domain_site *site);

/// Refuses a document that cannot be edited in place.
int domain_fail_scan(const domain_document *document, cpulift_error **err);
