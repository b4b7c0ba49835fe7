// SPDX-License-Identifier: LGPL-2.1-or-later
/// Scope cleanup for the types of other libraries.
#pragma once

#include <glib.h>
#include <jansson.h>
#include <libxml/tree.h>
#include <libxml/xmlsave.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
