// SPDX-License-Identifier: LGPL-2.1-or-later
/// Eucalyptus' libvirt.xsl: where it says the guest's CPU. Its literals are what a guest's document
/// gets; the instructions of XSLT stand among them in a namespace of their own.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/// The start tag of its <cpu> and all before the <topology> in it, or before the end tag where it
/// has none.
typedef struct stylesheet_site {
    bool has_cpu;      ///< false: there is none, and start is the place behind </vcpu>
    bool has_topology; ///< all cores in one socket
    bool is_vendors;   ///< it says a <topology> and nothing else, as Eucalyptus ships it
    bool has_mode;     ///< it says a mode in its start tag
    size_t start, end;
} stylesheet_site;

/// CPULIFT_EINPUT: not XML, not in UTF-8, or with more than one such place, or none. `path` stands
/// in messages.
int stylesheet_find(const char *text, size_t len, const char *path, stylesheet_site *ret_site,
                    cpulift_error **err);
