// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/root.h"

#include "base/auto.h"
#include "base/file.h"
#include "platform/root_internal.h"
#include "platform/step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int root_fail(cpulift_error **err, const char *what, const root_dir *root, const char *target)
{
    static const char link[] =
        " (a symbolic link or no folder stands in the path; cpulift follows no links here)";
    static const char space[] = "; free some space";
    static const struct {
        int error;
        const char *hint;
    } hints[] = {
        {ELOOP, link},
        {ENOTDIR, link},
        {ENOSPC, space},
        {EDQUOT, space},
        {EACCES, "; run as the user that owns it"},
        {EPERM, "; run as the user that owns it, where no attribute (lsattr) forbids it"},
        {EROFS, "; mount it writable, or change it where it comes from"},
        {EBUSY, "; something is mounted there: change it where that comes from"},
    };
    int saved = errno;
    const char *hint = "";
    for (size_t i = 0; i < G_N_ELEMENTS(hints); i++) {
        hint = hints[i].error == saved ? hints[i].hint : hint;
    }
    return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot %s '%s/%s': %s%s", what, root->path,
                             target, g_strerror(saved), hint);
}

int root_open(const char *path, root_dir **ret_root, cpulift_error **err)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot open the root folder '%s': %s", path,
                                 g_strerror(errno));
    }
    root_dir *opened = g_new0(root_dir, 1);
    opened->fd = fd;
    opened->path = g_strdup(strcmp(path, "/") == 0 ? "" : path);
    *ret_root = opened;
    return 0;
}

void root_free(root_dir *root)
{
    if (root == NULL) {
        return;
    }
    close(root->fd);
    g_free(root->path);
    g_free(root);
}

void root_file_clear(struct root_file *file)
{
    g_free(file->bytes);
    *file = (struct root_file){0};
}

struct root_file root_file_copy(const struct root_file *file)
{
    struct root_file copy = *file;
    copy.bytes = file->exists ? g_memdup2(file->bytes, file->len + 1) : NULL;
    return copy;
}

struct root_file root_file_new_private(char *text)
{
    return (struct root_file){.exists = true,
                              .bytes = text,
                              .len = strlen(text),
                              .mode = 0600,
                              .uid = geteuid(),
                              .gid = getegid()};
}

bool root_file_same_bytes(const struct root_file *a, const struct root_file *b)
{
    if (!a->exists || !b->exists) {
        return a->exists == b->exists;
    }
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

bool root_file_equal(const struct root_file *a, const struct root_file *b)
{
    return root_file_same_bytes(a, b) &&
           (!a->exists || (a->mode == b->mode && a->uid == b->uid && a->gid == b->gid));
}

/// One component at a time: O_NOFOLLOW guards only the last one of a path.
static int walk_by_steps(const root_dir *root, char *const *parts)
{
    int fd = openat(root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (; fd >= 0 && *parts != NULL; parts++) {
        autoclose int from = fd;
        // A folder on the way must be entered, not read.
        int access = parts[1] == NULL ? O_RDONLY : O_PATH;
        fd = openat(from, **parts != '\0' ? *parts : ".",
                    access | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    return fd;
}

int root_walk(const root_dir *root, const char *folder)
{
    g_auto(GStrv) parts = g_strsplit(folder, "/", -1);
    if (g_strv_contains((const char *const *)parts, "..")) {
        errno = ELOOP;
        return -1;
    }
    const struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    const char *path = folder + strspn(folder, "/");
    int fd = (int)syscall(SYS_openat2, root->fd, *path != '\0' ? path : ".", &how, sizeof(how));
    // A kernel before 5.6 has no such call; a container's filter says so with EPERM.
    bool is_missing = fd < 0 && (errno == ENOSYS || errno == EPERM);
    return is_missing ? walk_by_steps(root, parts) : fd;
}

int root_open_folder(const root_dir *root, const char *folder, int *ret_fd, cpulift_error **err)
{
    int fd = root_walk(root, folder);
    if (fd < 0 && errno != ENOENT) {
        return root_fail(err, "open the folder", root, folder);
    }
    *ret_fd = fd;
    return 0;
}

int root_file_check_owner(const root_dir *root, const char *target, const struct root_file *file,
                          cpulift_error **err)
{
    g_autofree char *path = g_strdup_printf("%s/%s", root->path, target);
    return file_check_owner(file->uid, file->mode, path, err);
}

int root_synchronise(const root_dir *root, int fd)
{
    return root->is_volatile ? 0 : fsync(fd);
}

int root_walk_parent(const root_dir *root, const char *target, char **ret_name)
{
    g_autofree char *folder = g_path_get_dirname(target);
    *ret_name = g_path_get_basename(target);
    return root_walk(root, folder);
}

static int read_regular(int fd, const struct stat *st, struct root_file *ret_file)
{
    g_autofree char *bytes = g_malloc((size_t)st->st_size + 1);
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len < (size_t)st->st_size; len += (size_t)got) {
        got = TEMP_FAILURE_RETRY(read(fd, bytes + len, (size_t)st->st_size - len));
        if (got < 0) {
            return -1;
        }
    }
    bytes[len] = '\0';
    *ret_file = (struct root_file){.exists = true,
                                   .bytes = g_steal_pointer(&bytes),
                                   .len = len,
                                   .mode = st->st_mode & 07777,
                                   .uid = st->st_uid,
                                   .gid = st->st_gid};
    return 0;
}

int root_load(const root_dir *root, const char *target, struct root_file *ret_file,
              cpulift_error **err)
{
    g_autofree char *name = NULL;
    autoclose int folder = root_walk_parent(root, target, &name);
    // O_NONBLOCK: a FIFO that a stranger put there must not block us.
    autoclose int fd =
        folder < 0 ? -1 : openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *ret_file = (struct root_file){0};
        return 0;
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return root_fail(err, "read", root, target);
    }
    if (!S_ISREG(st.st_mode)) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM,
                                 "cannot read '%s/%s': it is no regular file; put the file that "
                                 "belongs there in its place",
                                 root->path, target);
    }
    if (st.st_size > (off_t)ROOT_FILE_MAX) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM,
                                 "cannot read '%s/%s': File too large; %zu MiB at most", root->path,
                                 target, ROOT_FILE_MAX >> 20);
    }
    return read_regular(fd, &st, ret_file) == 0 ? 0 : root_fail(err, "read", root, target);
}

int root_find(const root_dir *root, const char *target, bool *ret_is, cpulift_error **err)
{
    g_autofree char *name = NULL;
    autoclose int folder = root_walk_parent(root, target, &name);
    struct stat st;
    *ret_is = folder >= 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (*ret_is && S_ISLNK(st.st_mode)) {
        errno = ELOOP;
    } else if (*ret_is || errno == ENOENT) {
        return 0;
    }
    return root_fail(err, "look for", root, target);
}

int root_get_owner(const root_dir *root, const char *target, uid_t *ret_uid, gid_t *ret_gid,
                   cpulift_error **err)
{
    g_autofree char *folder = g_path_get_dirname(target);
    autoclose int fd = root_walk(root, folder);
    if (fd < 0 && errno == ENOENT && strcmp(folder, ".") != 0) {
        return root_get_owner(root, folder, ret_uid, ret_gid, err);
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return root_fail(err, "open the folder", root, folder);
    }
    *ret_uid = st.st_uid;
    *ret_gid = st.st_gid;
    return 0;
}

int root_set_owner(int fd, uid_t uid, gid_t gid)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return -1;
    }
    return st.st_uid == uid && st.st_gid == gid ? 0 : fchown(fd, uid, gid);
}

/// Security labels and access lists go with the content. What the file system cannot keep it did
/// not have, and what only root may give (a label) it gives itself; anything else that would be
/// lost, or that cannot be read, is an error.
static int copy_attributes(int from, int to)
{
    g_autofree char *names = g_malloc(XATTR_LIST_MAX), *value = g_malloc(XATTR_SIZE_MAX);
    ssize_t len = flistxattr(from, names, XATTR_LIST_MAX);
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        ssize_t size = fgetxattr(from, names + at, value, XATTR_SIZE_MAX);
        if (size < 0 && errno != ENOTSUP) {
            return -1;
        }
        if (size >= 0 && fsetxattr(to, names + at, value, (size_t)size, 0) != 0 &&
            errno != ENOTSUP && errno != EPERM && errno != EACCES) {
            return -1;
        }
    }
    return len >= 0 || errno == ENOTSUP ? 0 : -1;
}

static int fill(int fd, int old, const root_dir *root, const char *target,
                const struct root_file *file, cpulift_error **err)
{
    TRY(file_write_fd(fd, target, file->bytes, file->len, err));
    if (old >= 0 && copy_attributes(old, fd) != 0) {
        return root_fail(err, "keep the attributes of", root, target);
    }
    STEP();
    // The mode comes last and after the data: a hook folder's new file is executable only when
    // whole.
    if (root_set_owner(fd, file->uid, file->gid) != 0 || root_synchronise(root, fd) != 0 ||
        fchmod(fd, file->mode & ROOT_MODES) != 0 || root_synchronise(root, fd) != 0) {
        return root_fail(err, "write", root, target);
    }
    return 0;
}

int root_stage(const root_dir *root, const char *target, const struct root_file *file,
               char **ret_temporary, cpulift_error **err)
{
    if (file->len > ROOT_FILE_MAX) { // of the journal it could not be undone
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "cannot write '%s': it would have %zu MiB, and %zu are read again "
                                 "at most; change fewer guests at once (--only)",
                                 target, file->len >> 20, ROOT_FILE_MAX >> 20);
    }
    g_autofree char *name = NULL;
    autoclose int folder = root_walk_parent(root, target, &name);
    if (folder < 0) {
        return root_fail(err, "write", root, target);
    }
    // One that cannot be opened may have attributes that would be lost.
    autoclose int old = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (old < 0 && errno != ENOENT) {
        return root_fail(err, "keep the attributes of", root, target);
    }
    g_autofree char *temporary = file_name_temporary(ROOT_TEMPORARY_PREFIX);
    STEP();
    autoclose int fd =
        openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return root_fail(err, "create a file beside", root, target);
    }
    STEP();
    int rc = fill(fd, old, root, target, file, err);
    if (rc != 0) {
        unlinkat(folder, temporary, 0);
        return rc;
    }
    *ret_temporary = g_steal_pointer(&temporary);
    return 0;
}

static int check_expected(const root_dir *root, const char *target,
                          const struct root_file *expected, cpulift_error **err)
{
    g_auto(root_file) now = {0};
    TRY(root_load(root, target, &now, err));
    return root_file_equal(&now, expected)
               ? 0
               : cpulift_error_set(
                     err, CPULIFT_ECONFLICT,
                     "'%s/%s' changed since it was read: somebody else writes it; look "
                     "at it and run the command again",
                     root->path, target);
}

int root_commit(const root_dir *root, const char *target, const char *temporary,
                const struct root_file *expected, cpulift_error **err)
{
    TRY(check_expected(root, target, expected, err));
    g_autofree char *name = NULL;
    autoclose int folder = root_walk_parent(root, target, &name);
    STEP();
    if (folder < 0 || renameat(folder, temporary, folder, name) != 0 ||
        root_synchronise(root, folder) != 0) {
        return root_fail(err, "replace", root, target);
    }
    STEP();
    return 0;
}

static int remove_target(const root_dir *root, const char *target, const struct root_file *expected,
                         cpulift_error **err)
{
    TRY(check_expected(root, target, expected, err));
    if (!expected->exists) {
        return 0;
    }
    g_autofree char *name = NULL;
    autoclose int folder = root_walk_parent(root, target, &name);
    STEP();
    if (folder < 0 || unlinkat(folder, name, 0) != 0 || root_synchronise(root, folder) != 0) {
        return root_fail(err, "remove", root, target);
    }
    return 0;
}

int root_replace(const root_dir *root, const char *target, const struct root_file *file,
                 const struct root_file *expected, cpulift_error **err)
{
    if (!file->exists) {
        return remove_target(root, target, expected, err);
    }
    g_autofree char *temporary = NULL;
    TRY(root_stage(root, target, file, &temporary, err));
    int rc = root_commit(root, target, temporary, expected, err);
    if (rc != 0) {
        root_discard(root, target, temporary);
    }
    return rc;
}
