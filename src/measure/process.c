// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/process.h"

#include "base/auto.h"
#include "base/jobs.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t is_interrupted;

static void note_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

void process_catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool process_is_interrupted(void)
{
    return is_interrupted != 0;
}

unsigned process_count_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/// In the child: the first `count` of the CPUs that are allowed, the same ones for every run.
static void pin(unsigned count)
{
    cpu_set_t allowed, chosen;
    CPU_ZERO(&chosen);
    if (count == 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    for (size_t cpu = 0; cpu < CPU_SETSIZE && count > 0; cpu++) {
        if (CPU_ISSET(cpu, &allowed)) {
            CPU_SET(cpu, &chosen);
            count--;
        }
    }
    sched_setaffinity(0, sizeof chosen, &chosen);
}

struct child {
    unsigned cpus; ///< as in the options
    pid_t parent;
};

/// A group of its own, so that the deadline reaches the program's children; and it dies with us.
static void set_up_child(void *data)
{
    struct child *child = data;
    setpgid(0, 0);
    jobs_tie(&child->parent);
    pin(child->cpus);
}

typedef struct running {
    pid_t pid;
    int out, errors; ///< what it writes to; `errors` is a file
    GString *output;
    gint64 started, deadline; ///< µs, monotonic
    bool is_timeout;
} running;

static void clear_running(struct running *r)
{
    auto_close(&r->out);
    auto_close(&r->errors);
    if (r->output != NULL) {
        g_string_free(g_steal_pointer(&r->output), TRUE);
    }
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(running, clear_running)

static int start(const struct process_options *options, struct running *r, cpulift_error **err)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    r->errors = g_file_open_tmp("cpulift-XXXXXX", &name, &error);
    if (r->errors < 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot keep what '%s' says: %s",
                                 options->argv[0], error->message);
    }
    unlink(name);
    fcntl(r->errors, F_SETFD, FD_CLOEXEC);
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make a pipe: %s", g_strerror(errno));
    }
    r->out = pipes[0];
    r->started = g_get_monotonic_time();
    r->deadline =
        options->timeout > 0 ? r->started + (gint64)options->timeout * G_USEC_PER_SEC : G_MAXINT64;
    struct child child = {options->cpus, getpid()};
    gboolean ok =
        g_spawn_async_with_fds(options->folder, options->argv, options->environment,
                               G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, set_up_child,
                               &child, &r->pid, -1, pipes[1], r->errors, &error);
    close(pipes[1]);
    if (!ok) {
        return cpulift_error_set(err, CPULIFT_EMISSING, "cannot start '%s': %s", options->argv[0],
                                 error->message);
    }
    return 0;
}

/// Keeps the end of what the program says: the result is its last line.
static void keep(GString *output, const char *bytes, size_t len)
{
    g_string_append_len(output, bytes, (gssize)len);
    if (output->len > 2 * PROCESS_OUTPUT_MAX) {
        g_string_erase(output, 0, (gssize)(output->len - PROCESS_OUTPUT_MAX));
    }
}

/// It is not known what it says: it ends.
static int fail_reading(const struct running *r, const struct process_options *options,
                        cpulift_error **err)
{
    int saved = errno;
    kill(-r->pid, SIGKILL);
    (void)waitpid(r->pid, NULL, 0);
    return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot read what '%s' says: %s",
                             options->argv[0], g_strerror(saved));
}

/// Reads until the program closes its output, or the deadline or a signal comes.
static int read_output(struct running *r, const struct process_options *options,
                       cpulift_error **err)
{
    char bytes[16384];
    for (;;) {
        gint64 left = r->deadline - g_get_monotonic_time();
        int wait = r->deadline == G_MAXINT64 ? 1000 : (int)CLAMP(left / 1000 + 1, 0, 1000);
        struct pollfd fd = {.fd = r->out, .events = POLLIN};
        int ready = poll(&fd, 1, wait);
        r->is_timeout = g_get_monotonic_time() >= r->deadline;
        if (process_is_interrupted() || r->is_timeout) {
            kill(-r->pid, SIGKILL);
            return 0;
        }
        ssize_t got = ready > 0 ? read(r->out, bytes, sizeof bytes) : ready;
        if (got < 0 && errno != EINTR) {
            return fail_reading(r, options, err);
        }
        if (ready > 0 && got == 0) {
            return 0;
        }
        keep(r->output, bytes, got > 0 ? (size_t)got : 0);
    }
}

/// Waits for the end under the same deadline: a program may close its output and go on.
static int reap(struct running *r, struct rusage *ret_usage)
{
    int status = 0;
    for (;;) {
        pid_t rc = wait4(r->pid, &status, r->is_timeout ? 0 : WNOHANG, ret_usage);
        if (rc == r->pid || (rc < 0 && errno != EINTR)) {
            return status;
        }
        r->is_timeout = r->is_timeout || g_get_monotonic_time() >= r->deadline;
        if (process_is_interrupted() || r->is_timeout) {
            kill(-r->pid, SIGKILL);
        }
        g_usleep(200);
    }
}

/// The line that says why. Our workloads say it in a line of their own, and what the programs
/// below them said may stand after it; of another program it is the last one. The caller frees it.
static char *choose_complaint(char *text)
{
    g_auto(GStrv) lines = g_strsplit_set(g_strchomp(text), "\r\n", -1);
    size_t last = MAX(g_strv_length(lines), 1) - 1, own = last;
    while (own > 0 && !g_str_has_prefix(lines[own], "cpulift-")) {
        own--;
    }
    if (lines[0] == NULL || own == last || !g_str_has_prefix(lines[own], "cpulift-")) {
        return g_strdup(lines[0] != NULL ? lines[last] : "");
    }
    bool is_followed = g_str_has_suffix(lines[own], ":");
    return is_followed ? g_strdup_printf("%s %s", lines[own], g_strchug(lines[last]))
                       : g_strdup(lines[own]);
}

static char *read_errors(int fd)
{
    char tail[8193];
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t got = pread(fd, tail, sizeof tail - 1, MAX(size - (off_t)sizeof tail + 1, 0));
    tail[MAX(got, 0)] = '\0';
    return g_strdup(tail);
}

static char *find_complaint(const char *errors)
{
    g_autofree char *text = g_strdup(errors);
    char *complaint = choose_complaint(text);
    text_make_printable(complaint);
    return complaint;
}

static double to_seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static process_outcome finish(struct running *r)
{
    struct rusage usage = {0};
    int status = reap(r, &usage);
    process_outcome outcome = {
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
        .is_timeout = r->is_timeout,
        .wall = (double)(g_get_monotonic_time() - r->started) * 1e-6,
        .cpu = to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime),
        .errors = read_errors(r->errors),
        .output = g_string_free(g_steal_pointer(&r->output), FALSE),
    };
    outcome.complaint = find_complaint(outcome.errors);
    return outcome;
}

int process_run(const struct process_options *options, process_outcome *ret_outcome,
                cpulift_error **err)
{
    g_auto(running) r = {.out = -1, .errors = -1};
    TRY(start(options, &r, err));
    r.output = g_string_new(NULL);
    TRY(read_output(&r, options, err));
    process_outcome outcome = finish(&r);
    if (process_is_interrupted()) {
        process_clear(&outcome);
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "interrupted");
    }
    *ret_outcome = outcome;
    return 0;
}

void process_clear(process_outcome *outcome)
{
    g_clear_pointer(&outcome->output, g_free);
    g_clear_pointer(&outcome->errors, g_free);
    g_clear_pointer(&outcome->complaint, g_free);
}
