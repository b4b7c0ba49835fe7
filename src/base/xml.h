// SPDX-License-Identifier: LGPL-2.1-or-later
/// XML from strangers: no entities, no document type, no network, no message on stderr.
#pragma once

#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>

/// Parses `text`; a DOCTYPE is refused (no domain, CPU or capabilities document has one, and it is
/// what entity bombs and external entities need). `name` stands in messages. *ret_doc is the
/// caller's.
int xml_parse(const char *text, size_t len, const char *name, xmlDoc **ret_doc,
              cpulift_error **err);

/// True for an element of this name without a namespace. libvirt finds no others: its paths
/// ("./cpu[1]") have no prefix.
bool xml_is_plain(const xmlNode *node, const char *name);

/// The first child element of this name (xml_is_plain), or NULL; borrowed.
xmlNode *xml_find_child(const xmlNode *parent, const char *name);

/// The next such sibling element after `node`, or NULL; borrowed.
xmlNode *xml_find_next(const xmlNode *node, const char *name);

/// The attribute's value, or NULL. The caller frees it with g_free.
char *xml_get_attribute(const xmlNode *node, const char *name);

/// The element's text without surrounding blanks, "" when empty. The caller frees it with g_free.
char *xml_get_text(const xmlNode *node);
