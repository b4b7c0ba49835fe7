// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whole files, with a size cap on reading and no half-written result on writing.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/// The largest document that is read whole: a description of one host or one domain is a few KiB.
#define FILE_DOCUMENT_MAX ((size_t)16 << 20)

/// Reads `path` ("-" is stdin) whole, at most `max` bytes. *ret_text is NUL-terminated and the
/// caller's; *ret_len (may be NULL) excludes the NUL. Folders and devices that never end are
/// refused.
int file_load(const char *path, size_t max, char **ret_text, size_t *ret_len, cpulift_error **err);

/// As file_load() for a file that decides what others' guests get: CPULIFT_EREFUSED where another
/// user than root and who runs this may write it.
int file_load_trusted(const char *path, size_t max, char **ret_text, size_t *ret_len,
                      cpulift_error **err);

/// As file_load_trusted() for who serves others meanwhile: a FIFO or device, which may keep its
/// reader waiting, is refused.
int file_load_at_once(const char *path, size_t max, char **ret_text, size_t *ret_len,
                      cpulift_error **err);

/// CPULIFT_EREFUSED where a file or folder of this owner and mode may be written by another user
/// than root and who runs this; `path` is for the message.
int file_check_owner(uid_t uid, mode_t mode, const char *path, cpulift_error **err);

/// Makes `path` hold exactly these bytes, or leaves it as it was: a new file in the same folder,
/// synchronised, then renamed over it. `mode`, less the umask, is that of a file that was not
/// there; another keeps its own, and its owner where this process may give files away. Only a
/// regular file is replaced: links are followed to one, devices, FIFOs and open descriptors
/// (/dev/stdout) are written through, a folder is refused. So is what a stranger put into a folder
/// where everyone may write.
int file_save(const char *path, const char *text, size_t len, unsigned mode, cpulift_error **err);

/// Writes all bytes to a descriptor; `name` is for the message.
int file_write_fd(int fd, const char *name, const char *text, size_t len, cpulift_error **err);

enum file_kind { FILE_NONE, FILE_REGULAR, FILE_FOLDER, FILE_OTHER };

/// What stands at `path`, through links. That a disk does not answer is an error, and not
/// FILE_NONE.
int file_find_kind(const char *path, enum file_kind *ret_kind, cpulift_error **err);

/// Makes the folder and those above it, where they are missing.
int file_make_folder(const char *path, unsigned mode, cpulift_error **err);

/// True where the name ends with one of `suffixes` (NULL-terminated), in capitals or not.
bool file_has_suffix(const char *name, const char *const *suffixes);

/// Adds to `paths` the files in `folder` and in its folders, through no links, whose names have one
/// of the suffixes and begin with no dot, sorted, no FIFO or device among them.
int file_list(const char *folder, const char *const *suffixes, GPtrArray *paths,
              cpulift_error **err);

/// Adds the names in the folder, sorted, that begin with no dot.
int file_list_names(const char *folder, GPtrArray *names, cpulift_error **err);

/// A file name that nobody can foresee: `prefix` and 32 digits. The caller frees it.
char *file_name_temporary(const char *prefix);
