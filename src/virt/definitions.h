// SPDX-License-Identifier: LGPL-2.1-or-later
/// The persistent definitions of a libvirt: what its guests get when they are next started.
#pragma once

#include "virt/conn.h"

typedef struct definition {
    char *name, *uuid;
    char *xml;            ///< inactive, with its secrets, so that it can be defined again
    char *why;            ///< it could not be read, and there is no more than its name; else NULL
    bool is_active;       ///< it runs now: on the CPU that it was started with
    bool has_saved_image; ///< its next start goes on from that, with the CPU in it
    unsigned snapshots;   ///< each has the CPU of when it was made
} virt_definition;

/// The persistent domains whose name fits the shell pattern (NULL: all), by name; one that is gone
/// meanwhile is left out, one that cannot be read says why, but none is where the connection is
/// lost. The array frees its elements.
int definitions_read(const virt_conn *conn, const char *pattern, GPtrArray **ret_definitions,
                     cpulift_error **err);

/// The definition of this UUID, or CPULIFT_EMISSING where libvirt says that there is none. The
/// caller frees it with definition_free.
int definitions_find(const virt_conn *conn, const char *uuid, struct definition **ret_definition,
                     cpulift_error **err);

/// Defines `xml`, provided the domain `uuid` still is defined as `expected`: else
/// CPULIFT_ECONFLICT.
int definitions_write(const virt_conn *conn, const char *uuid, const char *expected,
                      const char *xml, cpulift_error **err);

void definition_free(void *definition);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virt_definition, definition_free)
