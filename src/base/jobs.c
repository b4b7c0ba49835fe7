// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/jobs.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    size_t index;
    pid_t pid;
    int from;
    gint64 end; ///< monotonic time in µs
    GString *text;
};

static void free_job(void *data)
{
    struct job *job = data;
    close(job->from);
    g_string_free(job->text, TRUE);
    g_free(job);
}

void jobs_tie(void *parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != *(const pid_t *)parent) {
        _exit(EXIT_FAILURE);
    }
}

/// The child leads a session, so that its own children (ssh) can be killed with it and none of them
/// can ask a person for a password.
static void G_NORETURN run_child(const struct jobs *jobs, size_t index, int to, pid_t parent)
{
    setsid();
    jobs_tie(&parent);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (dup2(nothing, STDIN_FILENO) < 0) {
        _exit(EXIT_FAILURE);
    }
    g_autofree char *text = jobs->work(jobs->data, index);
    _exit(file_write_fd(to, "pipe", text, strlen(text), NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/// Returns NULL where no process can be made; errno says why.
static struct job *start_job(const struct jobs *jobs, size_t index)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return NULL;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        run_child(jobs, index, ends[1], parent);
    }
    int saved = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        errno = saved;
        return NULL;
    }
    struct job *job = g_new0(struct job, 1);
    job->index = index;
    job->pid = pid;
    job->from = ends[0];
    job->end = g_get_monotonic_time() + (gint64)jobs->timeout_ms * G_TIME_SPAN_MILLISECOND;
    job->text = g_string_new(NULL);
    return job;
}

bool jobs_wait(pid_t pid, int *ret_status)
{
    pid_t ended;
    do {
        ended = waitpid(pid, ret_status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == pid;
}

static char *describe_end(bool has_ended, int status)
{
    return !has_ended            ? g_strdup("its end is not known")
           : WIFSIGNALED(status) ? g_strdup_printf("killed by signal %d", WTERMSIG(status))
                                 : g_strdup_printf("it ended with status %d", WEXITSTATUS(status));
}

/// `why` is for JOBS_LOST.
static void end_job(const struct jobs *jobs, const struct job *job, enum jobs_end end,
                    const char *why)
{
    if (end != JOBS_DONE) {
        kill(-job->pid, SIGKILL);
        kill(job->pid, SIGKILL);
    }
    int status = 0;
    bool has_ended = jobs_wait(job->pid, &status);
    g_autofree char *fate = describe_end(has_ended, status);
    if (end == JOBS_DONE && (!has_ended || status != 0)) {
        end = JOBS_LOST;
        why = fate;
    }
    bool is_done = end == JOBS_DONE;
    jobs->done(jobs->data, job->index, end, is_done ? job->text->str : why,
               is_done ? job->text->len : 0);
}

/// Takes what the job sent; true once it has ended.
static bool read_job(const struct jobs *jobs, struct job *job)
{
    char chunk[16384];
    ssize_t n = read(job->from, chunk, sizeof(chunk));
    const char *why = n < 0 ? g_strerror(errno) : "it sent too much";
    if (n > 0) {
        g_string_append_len(job->text, chunk, n);
    }
    bool is_over = n == 0 || (n < 0 && errno != EINTR) || job->text->len > JOBS_TEXT_MAX;
    if (is_over) {
        end_job(jobs, job, n == 0 ? JOBS_DONE : JOBS_LOST, why);
    }
    return is_over;
}

/// Waits for the first news or deadline, and removes what has ended.
static void wait_jobs(const struct jobs *jobs, GPtrArray *running)
{
    g_autofree struct pollfd *polled = g_new0(struct pollfd, running->len);
    gint64 end = G_MAXINT64;
    for (size_t i = 0; i < running->len; i++) {
        const struct job *job = running->pdata[i];
        polled[i] = (struct pollfd){.fd = job->from, .events = POLLIN};
        end = MIN(end, job->end);
    }
    gint64 left_ms = (end - g_get_monotonic_time() + 999) / 1000;
    int ready = poll(polled, running->len, (int)CLAMP(left_ms, 0, G_MAXINT));
    const char *blind = ready < 0 && errno != EINTR ? g_strerror(errno) : NULL;
    for (size_t i = running->len; i-- > 0;) {
        struct job *job = running->pdata[i];
        bool is_over = blind == NULL && polled[i].revents != 0 && read_job(jobs, job);
        if (!is_over && (blind != NULL || g_get_monotonic_time() >= job->end)) {
            end_job(jobs, job, blind != NULL ? JOBS_LOST : JOBS_LATE, blind);
            is_over = true;
        }
        if (is_over) {
            g_ptr_array_remove_index_fast(running, (unsigned)i);
        }
    }
}

void jobs_run(const struct jobs *jobs)
{
    g_autoptr(GPtrArray) running = g_ptr_array_new_with_free_func(free_job);
    size_t next = 0;
    while (next < jobs->count || running->len > 0) {
        while (next < jobs->count && running->len < MAX(jobs->parallel, 1)) {
            struct job *job = start_job(jobs, next++);
            if (job != NULL) {
                g_ptr_array_add(running, job);
            } else {
                jobs->done(jobs->data, next - 1, JOBS_LOST, g_strerror(errno), 0);
            }
        }
        if (running->len > 0) {
            wait_jobs(jobs, running);
        }
    }
}
