// SPDX-License-Identifier: LGPL-2.1-or-later
/// Files of a platform below a root folder: `/`, or what `--root DIR` names.
///
/// A target is a path relative to the root ("etc/eucalyptus/libvirt.xsl"). No component of a target
/// may be a symbolic link: platform folders often belong to less trusted users than the one who
/// runs cpulift, and a link of theirs must not choose which file is written.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/// What every temporary file of ours begins with; nothing else may use it.
#define ROOT_TEMPORARY_PREFIX ".cpulift-"

/// The permission bits that a file of ours has: none runs as its owner whoever starts it.
#define ROOT_MODES 0777

typedef struct root_dir {
    int fd;
    char *path;       ///< as the user gave it, for messages
    bool is_volatile; ///< files need not survive a power cut: nothing is synchronised
} root_dir;

/// One file as it is or shall be. A file that does not exist has `exists` false and nothing else.
typedef struct root_file {
    bool exists;
    char *bytes; ///< owned, NUL-terminated
    size_t len;
    mode_t mode; ///< permission bits
    uid_t uid;
    gid_t gid;
} root_file;

int root_open(const char *path, root_dir **ret_root, cpulift_error **err);
void root_free(root_dir *root);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(root_dir, root_free)

void root_file_clear(struct root_file *file);
struct root_file root_file_copy(const struct root_file *file);

/// A file that nobody but this user may read, with this text, which it takes.
struct root_file root_file_new_private(char *text);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(root_file, root_file_clear)

/// True when content, mode and owner are the same, or both do not exist.
bool root_file_equal(const struct root_file *a, const struct root_file *b);

/// True when the content is the same, or both do not exist.
bool root_file_same_bytes(const struct root_file *a, const struct root_file *b);

/// CPULIFT_EREFUSED where others than root and who runs this may have written it.
int root_file_check_owner(const root_dir *root, const char *target, const struct root_file *file,
                          cpulift_error **err);

/// The journal of an apply to thousands of guests has them twice.
#define ROOT_FILE_MAX ((size_t)64 << 20)

/// Reads a regular file of at most ROOT_FILE_MAX bytes; one that does not exist is no error.
int root_load(const root_dir *root, const char *target, struct root_file *ret_file,
              cpulift_error **err);

/// *ret_is: the folder or file exists. A link in its path, and that it cannot be seen, are errors.
int root_find(const root_dir *root, const char *target, bool *ret_is, cpulift_error **err);

/// CPULIFT_ECONFLICT: another cpulift is at work below this root.
int root_refuse_other(const root_dir *root, cpulift_error **err);

/// *ret_names, the caller's: the names in a folder, sorted, without "." and ".."; none where there
/// is no such folder.
int root_list(const root_dir *root, const char *folder, char ***ret_names, cpulift_error **err);

/// Opens a folder without following links; -1 where there is none.
int root_open_folder(const root_dir *root, const char *folder, int *ret_fd, cpulift_error **err);

/// The owner that a new file at `target` gets: that of the nearest folder above it that exists.
int root_get_owner(const root_dir *root, const char *target, uid_t *ret_uid, gid_t *ret_gid,
                   cpulift_error **err);

/// Adds to `folders` (owned strings, outermost first, none twice) those that `target` lacks.
int root_find_missing(const root_dir *root, const char *target, GPtrArray *folders,
                      cpulift_error **err);

/// Makes one folder and synchronises its parent; one that is there already is fine. Its owner is
/// that of the folder it stands in, or who runs this where the mode is for one user alone.
int root_make_folder(const root_dir *root, const char *folder, mode_t mode, cpulift_error **err);

/// Makes one folder of a temporary name and locks it, against root_discard_folders() of others:
/// CPULIFT_ECONFLICT where one of them was quicker.
int root_make_locked_folder(const root_dir *root, const char *folder, mode_t mode, int *ret_fd,
                            cpulift_error **err);

/// Removes a folder if it is empty. One that is not, is in use or gone is no error.
int root_remove_folder(const root_dir *root, const char *folder, cpulift_error **err);

/// Renames a folder to what must not exist: else CPULIFT_ECONFLICT, as where it is gone itself.
int root_rename_folder(const root_dir *root, const char *from, const char *to, cpulift_error **err);

/// Writes `file` completely to a new, unpredictably named file in the target's folder and
/// synchronises it; at most ROOT_FILE_MAX bytes. *ret_temporary (the caller's) is that file's name
/// in the folder.
int root_stage(const root_dir *root, const char *target, const struct root_file *file,
               char **ret_temporary, cpulift_error **err);

/// Renames the staged file over the target and synchronises the folder, provided the target still
/// is `expected`: else CPULIFT_ECONFLICT and the staged file is left.
int root_commit(const root_dir *root, const char *target, const char *temporary,
                const struct root_file *expected, cpulift_error **err);

/// Removes a staged file or folder; one that is gone is fine.
void root_discard(const root_dir *root, const char *target, const char *temporary);

/// Removes the folders that killed runs left staged in this folder; one that is locked is
/// somebody's who is at work.
void root_discard_folders(const root_dir *root, const char *folder);

/// Removes what killed runs left staged in the target's folder.
void root_discard_all(const root_dir *root, const char *target);

/// root_stage and root_commit, or, where `file` does not exist, the removal of the target.
int root_replace(const root_dir *root, const char *target, const struct root_file *file,
                 const struct root_file *expected, cpulift_error **err);
