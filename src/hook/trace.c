// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hook/trace.h"

#include "base/auto.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/// The part of the file that notes may fill: it is read at each start of a guest that has one.
#define NOTES_MAX (TRACE_MAX / 8)

static struct {
    char path[512], folder[512];
    const char *role;
    char late[128]; ///< the watchdog's line, made ready because a signal handler cannot format
    int status;
    bool is_strict;
} trace = {.role = "?"};

void trace_set_file(const char *path, const char *role)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_strlcpy(trace.path, path, sizeof(trace.path));
    g_strlcpy(trace.folder, folder, sizeof(trace.folder));
    trace.role = role;
}

const char *trace_get_folder(void)
{
    return trace.folder;
}

/// The file if it is one, or -1; *ret_size are its bytes. May be called in a signal handler.
static int open_trace(int flags, off_t *ret_size)
{
    int fd = open(trace.path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
    struct stat st;
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        return -1;
    }
    *ret_size = fd >= 0 ? st.st_size : 0;
    return fd;
}

/// Everything here may be called in a signal handler. A file of `most` bytes is left alone.
static void append(const char *line, size_t len, off_t most)
{
    off_t size = 0;
    autoclose int fd = open_trace(O_WRONLY | O_APPEND | O_CREAT, &size);
    if (fd >= 0 && size < most) {
        (void)!write(fd, line, len);
    }
}

static void format_time(char *out, size_t size)
{
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/// "TIME ROLE GUEST: what" with a newline. The caller frees it.
static char *format_line(const char *guest, const char *what)
{
    char when[32];
    format_time(when, sizeof(when));
    g_autofree char *text = g_strdup_printf("%s %s %s: %s", when, trace.role, guest, what);
    text_make_printable(text);
    return g_strdup_printf("%.1000s\n", text);
}

void trace_write(const char *guest, const char *why)
{
    g_autofree char *line = format_line(guest, why);
    append(line, strlen(line), TRACE_MAX);
}

/// Whether the file has the line, whenever it was written, or no room for it.
static bool is_told(const char *line)
{
    off_t size = 0;
    const char *what = strchr(line, ' ');
    autoclose int fd = open_trace(O_RDONLY, &size);
    if (fd < 0 || size >= NOTES_MAX) {
        return fd >= 0;
    }
    g_autofree char *text = g_malloc((size_t)size + 1);
    return read(fd, text, (size_t)size) == size &&
           memmem(text, (size_t)size, what, strlen(what)) != NULL;
}

void trace_note(const char *guest, const char *what)
{
    g_autofree char *why = g_strconcat("note: ", what, NULL);
    g_autofree char *line = format_line(guest, why);
    if (!is_told(line)) {
        append(line, strlen(line), NOTES_MAX);
    }
}

static void end_late(int signal)
{
    (void)signal;
    append(trace.late, strlen(trace.late), TRACE_MAX);
    if (trace.is_strict) {
        (void)!write(STDERR_FILENO, trace.late, strlen(trace.late));
    }
    _exit(trace.status);
}

void trace_watch(unsigned seconds, int status)
{
    char when[32];
    format_time(when, sizeof(when));
    snprintf(trace.late, sizeof(trace.late), "%s %s ?: no answer within %u s\n", when, trace.role,
             seconds);
    trace.status = status;
    struct sigaction action = {.sa_handler = end_late};
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
}

void trace_be_strict(int status)
{
    trace.status = status;
    trace.is_strict = true;
}
