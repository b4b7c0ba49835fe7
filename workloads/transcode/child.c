// SPDX-License-Identifier: LGPL-2.1-or-later
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOG_TAIL = 400 };

extern char **environ;

static const struct {
    const char *program, *package;
} packages[] = {
    {"HandBrakeCLI", "handbrake-cli"},
    {"ffmpeg", "ffmpeg"},
    {"ffprobe", "ffmpeg"},
};

static void say_missing(const char *program, int error)
{
    for (size_t i = 0; error == ENOENT && i < sizeof packages / sizeof *packages; i++) {
        if (strcmp(packages[i].program, program) == 0) {
            fprintf(stderr, "cpulift-transcode: '%s' is not installed; install the package %s\n",
                    program, packages[i].package);
            return;
        }
    }
    fprintf(stderr, "cpulift-transcode: cannot start '%s': %s\n", program, strerror(error));
}

void child_open_streams(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO) {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    }
    if (fd >= 0) {
        close(fd);
    }
}

double child_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/// Both programs take keys from their standard input, and /dev/null may have been replaced by a
/// file with bytes in it. A pipe that nobody can write to has none. Returns its end, or -1.
static int open_nothing(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    close(ends[1]);
    return ends[0];
}

static void redirect(posix_spawn_file_actions_t *actions, int target, FILE *file)
{
    if (file != NULL) {
        posix_spawn_file_actions_adddup2(actions, fileno(file), target);
    } else {
        posix_spawn_file_actions_addopen(actions, target, "/dev/null", O_WRONLY, 0);
    }
}

int child_start(const struct child *child)
{
    int nothing = child->in < 0 ? open_nothing() : -1;
    int in = child->in < 0 ? nothing : child->in, rc = in < 0 ? errno : 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    redirect(&actions, STDOUT_FILENO, child->out);
    redirect(&actions, STDERR_FILENO, child->log);
    pid_t pid = -1;
    if (rc == 0) {
        rc =
            posix_spawnp(&pid, child->argv[0], &actions, NULL, (char *const *)child->argv, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (nothing >= 0) {
        close(nothing);
    }
    if (rc != 0) {
        say_missing(child->argv[0], rc);
        return -1;
    }
    return pid;
}

static double to_seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int child_wait(int pid, double started, struct child_usage *ret_usage)
{
    int status;
    struct rusage usage;
    pid_t rc;
    do {
        rc = wait4(pid, &status, 0, &usage);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        return -1;
    }
    if (ret_usage != NULL) {
        ret_usage->wall = child_now() - started;
        ret_usage->cpu = to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_run(const struct child *child, struct child_usage *ret_usage)
{
    double started = child_now();
    int pid = child_start(child);
    return pid < 0 ? -1 : child_wait(pid, started, ret_usage);
}

void child_print_log(FILE *log)
{
    char tail[LOG_TAIL + 1];
    long size = fseek(log, 0, SEEK_END) == 0 ? ftell(log) : 0;
    fseek(log, size > LOG_TAIL ? size - LOG_TAIL : 0, SEEK_SET);
    tail[fread(tail, 1, LOG_TAIL, log)] = '\0';
    char *save = NULL;
    for (char *line = strtok_r(tail, "\r\n", &save); line != NULL;
         line = strtok_r(NULL, "\r\n", &save)) {
        fprintf(stderr, "  %s\n", line);
    }
}
