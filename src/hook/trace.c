// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hook/trace.h"

#include "base/auto.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/// The part of the file that notes may fill: it is read at each start of a guest that has one.
#define NOTES_MAX (TRACE_MAX / 8)

/// The watchdog's words, made ready because a signal handler cannot format.
struct late {
    char line[160], said[160];
    int status;
};

static struct {
    char path[PATH_MAX], folder[PATH_MAX];
    const struct trace_role *role;
    struct late late[2]; ///< of one who is strict the second
    volatile bool is_strict;
} trace;

void trace_begin(const struct trace_role *role, const char *path)
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

/// "TIME ROLE GUEST: KINDwhat" with a newline. The caller frees it.
static char *format_line(const char *guest, const char *kind, const char *what)
{
    char when[32];
    format_time(when, sizeof(when));
    g_autofree char *text =
        g_strdup_printf("%s %s %s: %s%s", when, trace.role->name, guest, kind, what);
    text_make_printable(text);
    return g_strdup_printf("%.1000s\n", text);
}

static const char *get_kind(bool is_strict)
{
    return is_strict ? "stopped: " : "";
}

/// What the platform hears of a guest that is stopped. The caller frees it.
static char *format_stop(const char *guest, const char *why)
{
    g_autofree char *said = g_strdup_printf("cpulift: '%s' is stopped: %s", guest, why);
    g_autofree char *text =
        trace.role->is_answer
            ? g_markup_printf_escaped("<domain type=\"%s\"><name>?</name></domain>", said)
            : g_steal_pointer(&said);
    text_make_printable(text);
    return g_strconcat(text, "\n", NULL);
}

/// May be called in a signal handler. A pipe that nobody reads must not hold it up.
static void say(const char *text)
{
    int fd = trace.role->is_answer ? STDOUT_FILENO : STDERR_FILENO;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    (void)!write(fd, text, strlen(text));
}

int trace_stop(const char *guest, const char *why)
{
    g_autofree char *text = format_stop(guest, why);
    say(text);
    return trace.role->stop;
}

int trace_fail(const char *guest, const char *why)
{
    g_autofree char *line = format_line(guest, get_kind(trace.is_strict), why);
    append(line, strlen(line), TRACE_MAX);
    return trace.is_strict ? trace_stop(guest, why) : trace.role->leave;
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
    g_autofree char *line = format_line(guest, "note: ", what);
    if (!is_told(line)) {
        append(line, strlen(line), NOTES_MAX);
    }
}

static void end_late(int signal)
{
    (void)signal;
    const struct late *late = &trace.late[trace.is_strict];
    append(late->line, strlen(late->line), TRACE_MAX);
    if (trace.is_strict) {
        say(late->said);
    }
    _exit(late->status);
}

void trace_watch(unsigned seconds)
{
    g_autofree char *why = g_strdup_printf("no answer within %u s", seconds);
    g_autofree char *said = format_stop("?", why);
    for (int is_strict = 0; is_strict <= 1; is_strict++) {
        g_autofree char *line = format_line("?", get_kind(is_strict), why);
        struct late *late = &trace.late[is_strict];
        g_strlcpy(late->line, line, sizeof(late->line));
        g_strlcpy(late->said, said, sizeof(late->said));
        late->status = is_strict ? trace.role->stop : trace.role->leave;
    }
    struct sigaction action = {.sa_handler = end_late};
    sigaction(SIGALRM, &action, NULL);
    // What blocks it is inherited from whoever starts the guest; nor may a limit of theirs, or a
    // reader that went, end the program without an answer.
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarms, NULL);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    alarm(seconds);
}

void trace_be_strict(void)
{
    trace.is_strict = true;
}
