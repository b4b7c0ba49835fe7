// SPDX-License-Identifier: LGPL-2.1-or-later
/// Tells when one of some files becomes another: by inotify on their folders, without looking in
/// between. A file may be written in place, renamed over, a link that is turned, or gone, and its
/// folder may come later. What cannot be watched is looked at every ten seconds, and the log says
/// so.
#pragma once

#include <glib.h>

typedef struct files files;

/// `changed` is called on the default main loop when, `settle_ms` after the last that happened near
/// them, one of the files (NULL-terminated, copied) is another than before. The caller's.
files *files_watch(const char *const *paths, unsigned settle_ms, void (*changed)(void *data),
                   void *data);

void files_free(files *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(files, files_free)
