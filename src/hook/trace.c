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

/// Everything here may be called in a signal handler.
static void append(const char *line, size_t len)
{
    autoclose int fd =
        open(trace.path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < TRACE_MAX) {
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

void trace_write(const char *guest, const char *why)
{
    char when[32];
    format_time(when, sizeof(when));
    g_autofree char *text = g_strdup_printf("%s %s %s: %s", when, trace.role, guest, why);
    text_make_printable(text);
    g_autofree char *line = g_strdup_printf("%.1000s\n", text);
    append(line, strlen(line));
}

void trace_note(const char *guest, const char *what)
{
    g_autofree char *why = g_strconcat("note: ", what, NULL);
    trace_write(guest, why);
}

static void end_late(int signal)
{
    (void)signal;
    append(trace.late, strlen(trace.late));
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
