// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/tool.h"

#include "base/auto.h"
#include "base/jobs.h"
#include "base/text.h"
#include "config.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/wait.h>

/// So much of what it complains of is told.
#define COMPLAINT_MAX 2000

/// What comes from the program; both streams to their end.
struct stream {
    struct tool *tool;
    GString *text;
    size_t max;
    int fd;
    guint source; ///< 0: it has ended
};

struct tool {
    struct tool_calls calls;
    char *name;
    unsigned seconds;
    GPid pid;
    struct stream output, complaint;
    guint watch, late, failed;
    bool is_running, is_late, is_over; ///< is_over: it printed too much
    int status;
    char *why; ///< it could not be started
};

static void remove_timer(guint *timer)
{
    if (*timer != 0) {
        g_source_remove(*timer);
        *timer = 0;
    }
}

static void end_stream(struct stream *stream)
{
    remove_timer(&stream->source);
    if (stream->fd >= 0) {
        close(stream->fd);
        stream->fd = -1;
    }
}

/// What it complained of, in a line; or how it ended. The caller's.
static char *find_reason(const struct tool *self)
{
    if (self->is_late || self->is_over) {
        return self->is_late ? g_strdup_printf("no answer within %u s", self->seconds)
                             : g_strdup("it printed too much");
    }
    g_autofree char *said = text_join_lines(self->complaint.text->str);
    return *said != '\0'             ? g_steal_pointer(&said)
           : WIFEXITED(self->status) ? g_strdup_printf("status %d", WEXITSTATUS(self->status))
                                     : g_strdup_printf("signal %d", WTERMSIG(self->status));
}

static void finish(struct tool *self)
{
    if (self->is_running || self->output.source != 0 || self->complaint.source != 0) {
        return;
    }
    bool has_exited = WIFEXITED(self->status) && !self->is_late && !self->is_over;
    int status = has_exited ? WEXITSTATUS(self->status) : -1;
    const GString *text = self->output.text;
    remove_timer(&self->late);
    if (has_exited && self->calls.is_well(status)) {
        self->calls.done(self->calls.data, status, text->str, text->len, NULL);
        return;
    }
    g_autofree char *reason = find_reason(self);
    g_autofree char *why = g_strdup_printf("%s: %s", self->name, reason);
    self->calls.done(self->calls.data, status, NULL, 0, why);
}

static void stop(struct tool *self)
{
    if (self->is_running) {
        (void)kill(self->pid, SIGKILL);
    }
}

static gboolean read_stream(int fd, GIOCondition condition, void *data)
{
    (void)condition;
    struct stream *stream = data;
    struct tool *self = stream->tool;
    char bytes[16384];
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (got > 0) {
        size_t taken = MIN((size_t)got, stream->max - stream->text->len);
        g_string_append_len(stream->text, bytes, (gssize)taken);
        if (taken == (size_t)got || stream == &self->complaint) {
            return G_SOURCE_CONTINUE; // of a complaint the first says enough
        }
        self->is_over = true;
        stop(self);
    }
    stream->source = 0;
    end_stream(stream);
    finish(self);
    return G_SOURCE_REMOVE;
}

static void take_end(GPid pid, int status, void *data)
{
    struct tool *self = data;
    g_spawn_close_pid(pid);
    self->watch = 0;
    self->is_running = false;
    self->status = status;
    finish(self);
}

/// Its children may hold its streams: they are not waited for.
static gboolean be_late(void *data)
{
    struct tool *self = data;
    self->late = 0;
    self->is_late = true;
    stop(self);
    end_stream(&self->output);
    end_stream(&self->complaint);
    finish(self);
    return G_SOURCE_REMOVE;
}

static gboolean tell_failure(void *data)
{
    struct tool *self = data;
    self->failed = 0;
    self->calls.done(self->calls.data, -1, NULL, 0, self->why);
    return G_SOURCE_REMOVE;
}

/// Beside this program, as in a build tree, or where it is installed. The caller's.
static char *find_program(const char *name)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self != NULL ? self : ".");
    g_autofree char *beside = g_build_filename(folder, name, NULL);
    return g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE)
               ? g_steal_pointer(&beside)
               : g_build_filename(CPULIFT_LIBEXECDIR, name, NULL);
}

static void begin_stream(struct tool *self, struct stream *stream, int fd, size_t max)
{
    *stream = (struct stream){self, g_string_new(NULL), max, fd, 0};
    if (fd >= 0) {
        (void)g_unix_set_fd_nonblocking(fd, TRUE, NULL);
        stream->source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, read_stream, stream);
    }
}

tool *tool_start(const char *const *argv, unsigned seconds, const struct tool_calls *calls)
{
    g_auto(GStrv) words = g_strdupv((char **)argv);
    g_autoptr(GError) error = NULL;
    int output = -1, complaint = -1;
    tool *self = g_new0(tool, 1);
    self->calls = *calls;
    self->name = g_strjoin(" ", argv[0], argv[1], NULL);
    self->seconds = seconds;
    g_free(words[0]);
    words[0] = find_program(argv[0]);
    pid_t agent = getpid();
    self->is_running =
        g_spawn_async_with_pipes(NULL, words, NULL, G_SPAWN_DO_NOT_REAP_CHILD, jobs_tie, &agent,
                                 &self->pid, NULL, &output, &complaint, &error);
    begin_stream(self, &self->output, output, TOOL_OUTPUT_MAX);
    begin_stream(self, &self->complaint, complaint, COMPLAINT_MAX);
    if (!self->is_running) {
        self->why = g_strdup_printf("%s: %s", self->name, error->message);
        self->failed = g_idle_add(tell_failure, self);
        return self;
    }
    self->watch = g_child_watch_add(self->pid, take_end, self);
    self->late = g_timeout_add_seconds(seconds, be_late, self);
    return self;
}

static void forget(GPid pid, int status, void *data)
{
    (void)status;
    (void)data;
    g_spawn_close_pid(pid);
}

void tool_free(tool *self)
{
    if (self == NULL) {
        return;
    }
    if (self->is_running) {
        stop(self);
        g_source_remove(self->watch);
        g_child_watch_add(self->pid, forget, NULL);
    }
    remove_timer(&self->late);
    remove_timer(&self->failed);
    end_stream(&self->output);
    end_stream(&self->complaint);
    g_string_free(self->output.text, TRUE);
    g_string_free(self->complaint.text, TRUE);
    g_free(self->name);
    g_free(self->why);
    g_free(self);
}
