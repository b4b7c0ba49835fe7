// SPDX-License-Identifier: LGPL-2.1-or-later
/// paired RUNS COMMAND… -- COMMAND…: starts the two commands in turn, so that what else the machine
/// does meets both alike, and prints the wall-clock times of the whole processes (fork to exit) in
/// milliseconds, the ratio of the medians, and the largest memory that was resident. Before each
/// run the files that $PAIRED_EVICT names (blanks between) leave the page cache, as far as nobody
/// else maps them: a cold start. A command may begin with NAME=VALUE, which both then give.
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void evict(const char *files)
{
    char *copy = files != NULL ? strdup(files) : NULL;
    char *rest = NULL;
    for (char *file = copy != NULL ? strtok_r(copy, " ", &rest) : NULL; file != NULL;
         file = strtok_r(NULL, " ", &rest)) {
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
            close(fd);
        }
    }
    free(copy);
}

/// Runs the command with its output thrown away. A command that fails would be a wrong figure.
static double measure(char **command, long *peak)
{
    struct rusage usage = {0};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (; command[1] != NULL && strchr(*command, '=') != NULL; command++) {
        putenv(*command);
    }
    evict(getenv("PAIRED_EVICT"));
    double start = now();
    pid_t pid;
    int status = 0;
    int rc = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
    if (rc != 0 || wait4(pid, &status, 0, &usage) != pid || status != 0) {
        fprintf(stderr, "paired: '%s' failed: %s\n", command[0],
                rc != 0 ? strerror(rc) : "exit status");
        exit(1);
    }
    posix_spawn_file_actions_destroy(&actions);
    *peak = usage.ru_maxrss > *peak ? usage.ru_maxrss : *peak;
    return now() - start;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double report(const char *name, double *times, size_t count, long peak)
{
    qsort(times, count, sizeof *times, compare);
    printf("%-24s median %8.3f ms   min %8.3f   95th %8.3f   max %8.3f   (%zu runs)   %.1f MiB\n",
           name, times[count / 2], times[0], times[count * 95 / 100], times[count - 1], count,
           (double)peak / 1024);
    return times[count / 2];
}

int main(int argc, char **argv)
{
    int second = 0;
    for (int i = 2; i < argc && second == 0; i++) {
        second = strcmp(argv[i], "--") == 0 ? i + 1 : 0;
    }
    size_t runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    if (second < 4 || second >= argc || runs == 0) {
        fputs("usage: paired RUNS COMMAND... -- COMMAND...\n", stderr);
        return 64;
    }
    argv[second - 1] = NULL;
    double *first_times = calloc(runs, sizeof *first_times);
    double *second_times = calloc(runs, sizeof *second_times);
    if (first_times == NULL || second_times == NULL) {
        return 2;
    }
    long first_peak = 0, second_peak = 0;
    measure(argv + 2, &first_peak);
    measure(argv + second, &second_peak);
    for (size_t i = 0; i < runs; i++) {
        first_times[i] = measure(argv + 2, &first_peak);
        second_times[i] = measure(argv + second, &second_peak);
    }
    double first = report(argv[2], first_times, runs, first_peak);
    printf("ratio %.2f\n", report(argv[second], second_times, runs, second_peak) / first);
    free(first_times);
    free(second_times);
    return 0;
}
