// SPDX-License-Identifier: LGPL-2.1-or-later
/// Scope cleanup for the types of other libraries.
#pragma once

#include <glib.h>
#include <jansson.h>
#include <libxml/tree.h>
#include <libxml/xmlsave.h>
#include <unistd.h>

static inline void auto_close(const int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}
/// `autoclose int fd = …`: closed at the end of the scope unless it is negative.
#define autoclose __attribute__((cleanup(auto_close)))

/// The descriptor, which is the caller's from now on.
static inline int auto_steal(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
