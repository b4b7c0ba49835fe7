// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is told of the guests of a libvirt (virt/watch.h).
#pragma once

#include <glib.h>

enum watch_what {
    WATCH_STARTED, ///< with how it looks now
    WATCH_STOPPED,
    WATCH_DEFINED,
    WATCH_UNDEFINED,
    WATCH_RUNNING, ///< one of those that run, in the answer to watch_list(), with how it looks
    WATCH_LISTED,  ///< they are all told; `why`: the list cannot be had
    WATCH_LOST,    ///< so much came at once that something was passed over
};

/// All is borrowed; NULL: not known, or of no meaning here.
struct watch_news {
    enum watch_what what;
    const char *how;         ///< libvirt's word: "booted", "migrated", "destroyed" …
    const char *uuid, *name; ///< of the guest; the name is one line
    unsigned number;         ///< libvirt's, of this start of the guest; 0: not known
    gint64 at;               ///< when it was told of, in seconds since 1970
    const char *xml;         ///< as it runs
    unsigned qemu;           ///< that started it (text_parse_version); 0: not known
    const char *why;         ///< why there is no `xml`
};
