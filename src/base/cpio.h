// SPDX-License-Identifier: LGPL-2.1-or-later
/// Writes a cpio archive in the format that Linux takes as initramfs ("newc"; Linux,
/// Documentation/driver-api/early-userspace/buffer-format.rst).
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct cpio cpio;

/// Begins an archive at `path`.
int cpio_open(const char *path, cpio **ret_archive, cpulift_error **err);

/// Adds a file of mode 0755 with these bytes at `name` (absolute), and the folders above it. A name
/// that is there already is left as it is.
int cpio_add_text(cpio *archive, const char *name, const char *text, size_t len,
                  cpulift_error **err);

/// Adds the file at `source` (symbolic links followed) at `name`.
int cpio_add_file(cpio *archive, const char *name, const char *source, cpulift_error **err);

/// Adds a folder and those above it.
int cpio_add_folder(cpio *archive, const char *name, cpulift_error **err);

/// True when something was added at this name.
bool cpio_has(const cpio *archive, const char *name);

/// Ends the archive; only now it is whole.
int cpio_finish(cpio *archive, cpulift_error **err);
void cpio_free(cpio *archive);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(cpio, cpio_free)
