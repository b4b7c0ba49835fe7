// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/auto.h"
#include "base/text.h"
#include "platform/root.h"
#include "platform/root_internal.h"
#include "platform/step.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DIR, closedir)

/// The names in the folder that the descriptor has open, which it closes; NULL with errno set.
static char **read_names(int fd)
{
    g_autoptr(DIR) dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return NULL;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    errno = 0;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            g_ptr_array_add(names, g_strdup(e->d_name));
        }
    }
    if (errno != 0) {
        return NULL;
    }
    g_ptr_array_sort(names, text_compare);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_steal(names, NULL);
}

int root_list(const root_dir *root, const char *folder, char ***ret_names, cpulift_error **err)
{
    int fd = root_walk(root, folder);
    char **names = fd >= 0 ? read_names(fd) : errno == ENOENT ? g_new0(char *, 1) : NULL;
    if (names == NULL) {
        return root_fail(err, "list the folder", root, folder);
    }
    *ret_names = names;
    return 0;
}

int root_find_missing(const root_dir *root, const char *target, GPtrArray *folders,
                      cpulift_error **err)
{
    g_autofree char *folder = g_path_get_dirname(target);
    if (strcmp(folder, ".") == 0) {
        return 0;
    }
    autoclose int fd = root_walk(root, folder);
    if (fd >= 0) {
        return 0;
    }
    if (errno != ENOENT) {
        return root_fail(err, "open the folder", root, folder);
    }
    TRY(root_find_missing(root, folder, folders, err));
    if (!g_ptr_array_find_with_equal_func(folders, folder, g_str_equal, NULL)) {
        g_ptr_array_add(folders, g_steal_pointer(&folder));
    }
    return 0;
}

/// *ret_is_gone: it failed because the folder, or the one that it was to stand in, went away.
static int make(const root_dir *root, const char *folder, mode_t mode, bool *ret_is_gone,
                cpulift_error **err)
{
    uid_t uid = 0;
    gid_t gid = 0;
    if ((mode & (S_IRWXG | S_IRWXO)) == 0) {
        uid = geteuid(); // what is for one user alone is ours, in a stranger's folder too
        gid = getegid();
    } else {
        TRY(root_get_owner(root, folder, &uid, &gid, err));
    }
    g_autofree char *name = NULL;
    autoclose int parent = root_walk_parent(root, folder, &name);
    STEP();
    if (parent < 0 || (mkdirat(parent, name, mode) != 0 && errno != EEXIST)) {
        *ret_is_gone = errno == ENOENT;
        return root_fail(err, "make the folder", root, folder);
    }
    STEP();
    autoclose int made = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made < 0 || root_set_owner(made, uid, gid) != 0 || fchmod(made, mode) != 0) {
        *ret_is_gone = errno == ENOENT;
        return root_fail(err, "make the folder", root, folder);
    }
    return root_synchronise(root, parent) == 0 ? 0
                                               : root_fail(err, "make the folder", root, folder);
}

int root_make_folder(const root_dir *root, const char *folder, mode_t mode, cpulift_error **err)
{
    bool is_gone = false;
    return make(root, folder, mode, &is_gone, err);
}

/// Locks the folder of this name, if nobody else has and it still has the name. The caller closes
/// it; -1, with errno set: it is not ours to touch; EWOULDBLOCK and ENOENT: it is another's.
static int take_folder(int parent, const char *name)
{
    struct stat held, named;
    autoclose int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    STEP();
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &held) != 0 ||
        fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    errno = EWOULDBLOCK;
    bool is_ours = held.st_dev == named.st_dev && held.st_ino == named.st_ino;
    return is_ours ? auto_steal(&fd) : -1;
}

int root_make_locked_folder(const root_dir *root, const char *folder, mode_t mode, int *ret_fd,
                            cpulift_error **err)
{
    g_autoptr(cpulift_error) why = NULL;
    g_autofree char *name = NULL;
    bool is_gone = false;
    if (make(root, folder, mode, &is_gone, &why) != 0 && !is_gone) {
        return cpulift_error_set(err, why->code, "%s", why->message);
    }
    autoclose int parent = root_walk_parent(root, folder, &name);
    *ret_fd = parent >= 0 ? take_folder(parent, name) : -1;
    return *ret_fd >= 0                              ? 0
           : errno == EWOULDBLOCK || errno == ENOENT ? root_refuse_other(root, err)
                                                     : root_fail(err, "lock", root, folder);
}

int root_remove_folder(const root_dir *root, const char *folder, cpulift_error **err)
{
    g_autofree char *name = NULL;
    autoclose int parent = root_walk_parent(root, folder, &name);
    struct stat st;
    STEP();
    // Where nothing may be written, that is said even of what is not there.
    if (parent >= 0 && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        unlinkat(parent, name, AT_REMOVEDIR) == 0 && root_synchronise(root, parent) == 0) {
        return 0;
    }
    bool is_left = errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY;
    return is_left ? 0 : root_fail(err, "remove the folder", root, folder);
}

int root_refuse_other(const root_dir *root, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_ECONFLICT,
                             "another cpulift is at work on '%s/': wait for it to end", root->path);
}

int root_rename_folder(const root_dir *root, const char *from, const char *to, cpulift_error **err)
{
    g_autofree char *old_name = NULL, *name = NULL;
    autoclose int old_parent = root_walk_parent(root, from, &old_name);
    autoclose int parent = root_walk_parent(root, to, &name);
    if (old_parent < 0 || parent < 0) {
        return root_fail(err, "open the folder of", root, old_parent < 0 ? from : to);
    }
    STEP();
    int rc = renameat2(old_parent, old_name, parent, name, RENAME_NOREPLACE);
    // Some file systems cannot promise that: there an empty folder may be replaced.
    rc = rc != 0 && errno == EINVAL ? renameat(old_parent, old_name, parent, name) : rc;
    if (rc != 0 && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOENT)) {
        return root_refuse_other(root, err);
    }
    return rc != 0 || root_synchronise(root, parent) != 0 ? root_fail(err, "make", root, to) : 0;
}

/// A file, or a folder with all in it. No link is followed.
static void discard_at(int folder, const char *name)
{
    STEP();
    if (unlinkat(folder, name, 0) == 0 || (errno != EISDIR && errno != EPERM)) {
        return;
    }
    autoclose int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    g_auto(GStrv) names = fd >= 0 ? read_names(dup(fd)) : NULL;
    for (char **inner = names; inner != NULL && *inner != NULL; inner++) {
        discard_at(fd, *inner);
    }
    STEP();
    unlinkat(folder, name, AT_REMOVEDIR);
}

void root_discard(const root_dir *root, const char *target, const char *temporary)
{
    g_autofree char *name = NULL;
    autoclose int folder = root_walk_parent(root, target, &name);
    if (folder >= 0) {
        discard_at(folder, temporary);
    }
}

/// What is staged in the folder: all, or only the folders that nobody has locked. What cannot be
/// seen is not ours to remove.
static void discard_staged(const root_dir *root, const char *folder, bool is_all)
{
    g_auto(GStrv) names = NULL;
    autoclose int parent = root_walk(root, folder);
    (void)root_list(root, folder, &names, NULL);
    for (char **name = names; parent >= 0 && name != NULL && *name != NULL; name++) {
        bool is_staged = g_str_has_prefix(*name, ROOT_TEMPORARY_PREFIX);
        autoclose int held = is_staged && !is_all ? take_folder(parent, *name) : -1;
        if (is_staged && (is_all || held >= 0)) {
            discard_at(parent, *name);
        }
    }
}

void root_discard_folders(const root_dir *root, const char *folder)
{
    discard_staged(root, folder, false);
}

void root_discard_all(const root_dir *root, const char *target)
{
    g_autofree char *folder = g_path_get_dirname(target);
    discard_staged(root, folder, true);
}
