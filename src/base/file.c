// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"

#include "base/auto.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int fail_errno(cpulift_error **err, const char *what, const char *path)
{
    int saved = errno;
    return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot %s '%s': %s", what, path,
                             g_strerror(saved));
}

/// Reads until end of file or until more than `max` bytes came. The caller checks which.
static int read_all(int fd, const char *name, size_t max, GString *text, cpulift_error **err)
{
    char buffer[65536];
    while (text->len <= max) {
        ssize_t got = read(fd, buffer, sizeof buffer);
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno != EINTR) {
            return fail_errno(err, "read", name);
        }
        if (got > 0) {
            g_string_append_len(text, buffer, got);
        }
    }
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "'%s' is larger than %zu bytes: no document of ours is; check the file", name, max);
}

int file_check_owner(uid_t uid, mode_t mode, const char *path, cpulift_error **err)
{
    if ((uid == 0 || uid == geteuid()) && (mode & (S_IWGRP | S_IWOTH)) == 0) {
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_EREFUSED,
                             "'%s' is not trusted: its owner is user %u, its mode %04o, so that "
                             "others than root and you may have written it; look at it, then "
                             "make it root's or yours (chown) and nobody else's (chmod go-w)",
                             path, (unsigned)uid, (unsigned)mode & 07777);
}

/// How a file is read.
struct manner {
    bool is_trusting;  ///< whoever owns it
    bool is_impatient; ///< only what never keeps who reads it waiting
};

static int load(const char *path, size_t max, struct manner how, char **ret_text, size_t *ret_len,
                cpulift_error **err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (how.is_impatient ? O_NONBLOCK : 0);
    autoclose int fd =
        is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : open(path, flags);
    if (fd < 0) {
        return fail_errno(err, "open", name);
    }
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return fail_errno(err, "read", name);
    }
    if (S_ISDIR(st.st_mode)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is a folder: name a file", name);
    }
    if (how.is_impatient && !S_ISREG(st.st_mode)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is no regular file; put one there",
                                 name);
    }
    TRY(how.is_trusting ? 0 : file_check_owner(st.st_uid, st.st_mode, name, err));
    g_autoptr(GString) text = g_string_sized_new((size_t)MAX(st.st_size, 0) < max ? st.st_size : 0);
    TRY(read_all(fd, name, max, text, err));
    if (ret_len != NULL) {
        *ret_len = text->len;
    }
    *ret_text = g_string_free(g_steal_pointer(&text), FALSE);
    return 0;
}

int file_load(const char *path, size_t max, char **ret_text, size_t *ret_len, cpulift_error **err)
{
    return load(path, max, (struct manner){true, false}, ret_text, ret_len, err);
}

int file_load_trusted(const char *path, size_t max, char **ret_text, size_t *ret_len,
                      cpulift_error **err)
{
    return load(path, max, (struct manner){false, false}, ret_text, ret_len, err);
}

int file_load_at_once(const char *path, size_t max, char **ret_text, size_t *ret_len,
                      cpulift_error **err)
{
    return load(path, max, (struct manner){false, true}, ret_text, ret_len, err);
}

int file_write_fd(int fd, const char *name, const char *text, size_t len, cpulift_error **err)
{
    while (len > 0) {
        ssize_t put = write(fd, text, len);
        if (put < 0 && errno != EINTR) {
            return fail_errno(err, "write", name);
        }
        if (put > 0) {
            text += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

/// What is saved; `path` is the place as the user gave it, for messages.
struct save {
    const char *path, *text;
    size_t len;
    unsigned mode, links;
    bool is_kept; ///< a file is replaced: its mode and owner stay
    uid_t uid;
    gid_t gid;
};

enum { LINKS_MAX = 40 }; // as the kernel follows

static int save_below(int from, const char *path, struct save *s, cpulift_error **err);

static int fill(int fd, int folder, const char *temporary, const char *name, const struct save *s,
                cpulift_error **err)
{
    // Who may not give a file away writes as himself. The owner first: it takes bits of the mode.
    if (s->is_kept &&
        ((fchown(fd, s->uid, s->gid) != 0 && errno != EPERM) || fchmod(fd, s->mode) != 0)) {
        return fail_errno(err, "keep the owner and mode of", s->path);
    }
    TRY(file_write_fd(fd, s->path, s->text, s->len, err));
    if (fsync(fd) != 0) {
        return fail_errno(err, "write", s->path);
    }
    return renameat(folder, temporary, folder, name) == 0 ? 0 : fail_errno(err, "replace", s->path);
}

char *file_name_temporary(const char *prefix)
{
    guint64 random[2] = {0};
    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        random[0] = ((guint64)g_random_int() << 32) | g_random_int();
    }
    return g_strdup_printf("%s%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", prefix,
                           random[0], random[1]);
}

static int replace(int folder, const char *name, const struct save *s, cpulift_error **err)
{
    g_autofree char *temporary = file_name_temporary(".save-");
    autoclose int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                              s->is_kept ? 0600 : s->mode);
    if (fd < 0) {
        return fail_errno(err, "create a file beside", s->path);
    }
    int rc = fill(fd, folder, temporary, name, s, err);
    if (rc != 0) {
        unlinkat(folder, temporary, 0);
        return rc;
    }
    autoclose int readable = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return readable >= 0 && (fsync(readable) == 0 || errno == EINVAL)
               ? 0
               : fail_errno(err, "synchronise the folder of", s->path);
}

static int write_through(int folder, const char *name, int flags, const struct save *s,
                         cpulift_error **err)
{
    autoclose int fd = openat(folder, name, O_WRONLY | O_NOCTTY | O_CLOEXEC | flags);
    return fd < 0 ? fail_errno(err, "open", s->path)
                  : file_write_fd(fd, s->path, s->text, s->len, err);
}

/// A link of /proc/PID/fd leads to an open file that may have no name. One that is open here too
/// (/dev/stdout) is written where it stands: opened anew, it would begin at its first byte, and a
/// socket cannot be opened.
static int save_open_file(int folder, const char *name, const struct save *s, cpulift_error **err)
{
    struct stat there, ours;
    int own = (int)g_ascii_strtoll(name, NULL, 10);
    if (fstatat(folder, name, &there, 0) == 0 && fstat(own, &ours) == 0 &&
        there.st_dev == ours.st_dev && there.st_ino == ours.st_ino) {
        return file_write_fd(own, s->path, s->text, s->len, err);
    }
    return write_through(folder, name, O_TRUNC, s, err);
}

static int follow(int folder, const char *name, struct save *s, cpulift_error **err)
{
    struct statfs fs;
    if (fstatfs(folder, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) {
        return save_open_file(folder, name, s, err);
    }
    char target[PATH_MAX];
    ssize_t len = readlinkat(folder, name, target, sizeof(target) - 1);
    if (len < 0 || ++s->links > LINKS_MAX) {
        errno = len < 0 ? errno : ELOOP;
        return fail_errno(err, "follow", s->path);
    }
    target[len] = '\0';
    return save_below(folder, target, s, err);
}

/// In a folder where everyone may write, somebody may have put a link, a FIFO or a file there to
/// choose what is written, or whose it is. The kernel judges so with fs.protected_symlinks, _fifos
/// and _regular, but sees neither a rename nor an open without O_CREAT.
static int check_owner(int folder, const struct stat *st, const struct save *s, cpulift_error **err)
{
    struct stat dir;
    if (fstat(folder, &dir) != 0) {
        return fail_errno(err, "look at the folder of", s->path);
    }
    const unsigned shared = S_ISVTX | S_IWOTH;
    if ((dir.st_mode & shared) != shared || st->st_uid == geteuid() || st->st_uid == dir.st_uid) {
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_ESYSTEM,
                             "cannot write '%s': another user put what stands there into a folder "
                             "where everyone may write; name another file",
                             s->path);
}

/// Links are followed by hand, each from the open folder that it stands in: the file that replaces
/// must be made beside the one that it replaces.
static int save_below(int from, const char *path, struct save *s, cpulift_error **err)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    g_autofree char *parent = g_strndup(path, (gsize)(name - path));
    autoclose int folder =
        openat(from, *parent != '\0' ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return fail_errno(err, "create a file beside", s->path);
    }
    struct stat st = {0};
    if (fstatat(folder, *name != '\0' ? name : ".", &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? replace(folder, name, s, err) : fail_errno(err, "open", s->path);
    }
    if (S_ISDIR(st.st_mode)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is a folder: name a file", s->path);
    }
    TRY(check_owner(folder, &st, s, err));
    if (S_ISREG(st.st_mode)) {
        s->is_kept = true;
        s->mode = st.st_mode & 0777;
        s->uid = st.st_uid;
        s->gid = st.st_gid;
        return replace(folder, name, s, err);
    }
    return S_ISLNK(st.st_mode) ? follow(folder, name, s, err)
                               : write_through(folder, name, O_NOFOLLOW, s, err);
}

int file_save(const char *path, const char *text, size_t len, unsigned mode, cpulift_error **err)
{
    return save_below(AT_FDCWD, path,
                      &(struct save){.path = path, .text = text, .len = len, .mode = mode}, err);
}

int file_find_kind(const char *path, enum file_kind *ret_kind, cpulift_error **err)
{
    struct stat st = {0};
    bool is_there = stat(path, &st) == 0;
    if (!is_there && errno != ENOENT && errno != ENOTDIR) {
        return fail_errno(err, "look at", path);
    }
    *ret_kind = !is_there             ? FILE_NONE
                : S_ISREG(st.st_mode) ? FILE_REGULAR
                : S_ISDIR(st.st_mode) ? FILE_FOLDER
                                      : FILE_OTHER;
    return 0;
}

int file_make_folder(const char *path, unsigned mode, cpulift_error **err)
{
    enum file_kind kind = FILE_NONE;
    TRY(file_find_kind(path, &kind, err));
    if (kind == FILE_FOLDER) {
        return 0;
    }
    g_autofree char *above = g_path_get_dirname(path);
    TRY(kind == FILE_NONE && strcmp(above, path) != 0 ? file_make_folder(above, mode, err) : 0);
    if (mkdir(path, mode) == 0) {
        return 0;
    }
    // Somebody else may have made it meanwhile; a link that leads nowhere is there, too.
    int error = errno;
    TRY(error == EEXIST ? file_find_kind(path, &kind, err) : 0);
    errno = error;
    return kind == FILE_FOLDER ? 0 : fail_errno(err, "make the folder", path);
}

bool file_has_suffix(const char *name, const char *const *suffixes)
{
    size_t len = strlen(name);
    for (; *suffixes != NULL; suffixes++) {
        size_t of = strlen(*suffixes);
        if (of <= len && g_ascii_strcasecmp(name + len - of, *suffixes) == 0) {
            return true;
        }
    }
    return false;
}

int file_list_names(const char *folder, GPtrArray *names, cpulift_error **err)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return fail_errno(err, "open the folder", folder);
    }
    const struct dirent *entry;
    for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
        if (entry->d_name[0] != '.') {
            g_ptr_array_add(names, g_strdup(entry->d_name));
        }
    }
    // One that is read in part must not pass for the whole.
    int rc = errno != 0 ? fail_errno(err, "read the folder", folder) : 0;
    (void)closedir(dir);
    g_ptr_array_sort(names, text_compare);
    return rc;
}

/// A FIFO, a device or a socket, which nobody named: to read it could take forever.
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int file_list(const char *folder, const char *const *suffixes, GPtrArray *paths,
              cpulift_error **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    TRY(file_list_names(folder, names, err));
    for (size_t i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
        struct stat st = {0};
        if (lstat(path, &st) != 0 && errno != ENOENT) {
            return fail_errno(err, "look at", path);
        }
        if (S_ISDIR(st.st_mode)) {
            TRY(file_list(path, suffixes, paths, err));
        } else if (file_has_suffix(names->pdata[i], suffixes) && !is_special(path)) {
            g_ptr_array_add(paths, g_steal_pointer(&path));
        }
    }
    return 0;
}
