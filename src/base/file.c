// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_errno(cpulift_error **err, const char *what, const char *path)
{
    int saved = errno;
    return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot %s '%s': %s", what, path,
                             g_strerror(saved));
}

static void close_fd(int *fd)
{
    if (*fd > STDERR_FILENO) {
        close(*fd);
    }
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

int file_load(const char *path, size_t max, char **ret_text, size_t *ret_len, cpulift_error **err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    __attribute__((cleanup(close_fd))) int fd =
        is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
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
    g_autoptr(GString) text = g_string_sized_new((size_t)MAX(st.st_size, 0) < max ? st.st_size : 0);
    int rc = read_all(fd, name, max, text, err);
    if (rc != 0) {
        return rc;
    }
    if (ret_len != NULL) {
        *ret_len = text->len;
    }
    *ret_text = g_string_free(g_steal_pointer(&text), FALSE);
    return 0;
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

static int sync_folder(const char *path, cpulift_error **err)
{
    g_autofree char *folder = g_path_get_dirname(path);
    __attribute__((cleanup(close_fd))) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) {
        return fail_errno(err, "synchronise", folder);
    }
    return 0;
}

static int fill_temporary(int fd, const char *name, const char *text, size_t len, unsigned mode,
                          cpulift_error **err)
{
    int rc = file_write_fd(fd, name, text, len, err);
    if (rc == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0)) {
        rc = fail_errno(err, "write", name);
    }
    if (close(fd) != 0 && rc == 0) {
        rc = fail_errno(err, "write", name);
    }
    return rc;
}

int file_save(const char *path, const char *text, size_t len, unsigned mode, cpulift_error **err)
{
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
    int fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_errno(err, "create a file beside", path);
    }
    int rc = fill_temporary(fd, path, text, len, mode, err);
    if (rc == 0 && rename(temporary, path) != 0) {
        rc = fail_errno(err, "replace", path);
    }
    if (rc != 0) {
        unlink(temporary);
        return rc;
    }
    return sync_folder(path, err);
}
