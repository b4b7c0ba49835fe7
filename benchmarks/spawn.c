// SPDX-License-Identifier: LGPL-2.1-or-later
/// Times a program as a whole process against another, alternating, so that what else the machine
/// does falls on both: spawn ROUNDS [--cold FILE…] -- PROGRAM ARGUMENT… -- OTHER ARGUMENT…
/// Cold: before each run the pages of the files leave the page cache, as far as nobody else maps
/// them.
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void evict(char **files)
{
    for (; files != NULL && *files != NULL; files++) {
        int fd = open(*files, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
            close(fd);
        }
    }
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double run(char **argv, const posix_spawn_file_actions_t *actions)
{
    pid_t child = 0;
    int status = 0;
    double start = now_ms();
    if (posix_spawn(&child, argv[0], actions, NULL, argv, environ) != 0 ||
        waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "%s failed (status %d)\n", argv[0], status);
        exit(1);
    }
    return now_ms() - start;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double report(const char *name, double *samples, int count)
{
    qsort(samples, (size_t)count, sizeof(*samples), compare);
    printf("%-28s min %6.2f  median %6.2f  p90 %6.2f  max %6.2f ms\n", name, samples[0],
           samples[count / 2], samples[count * 9 / 10], samples[count - 1]);
    return samples[count / 2];
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 0, at = 2;
    char **files = NULL, **sides[2] = {NULL, NULL};
    if (at < argc && strcmp(argv[at], "--cold") == 0) {
        files = argv + at + 1;
    }
    for (int side = 0; side < 2; side++) {
        while (at < argc && strcmp(argv[at], "--") != 0) {
            at++;
        }
        if (at + 1 >= argc || rounds <= 0) {
            fprintf(stderr, "usage: spawn ROUNDS [--cold FILE…] -- PROGRAM… -- OTHER…\n");
            return 64;
        }
        argv[at++] = NULL;
        sides[side] = argv + at;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    double *samples[2] = {calloc((size_t)rounds, sizeof(double)),
                          calloc((size_t)rounds, sizeof(double))};
    for (int round = 0; samples[0] != NULL && samples[1] != NULL && round < rounds; round++) {
        for (int k = 0; k < 2; k++) {
            int side = (round + k) % 2;
            evict(files);
            samples[side][round] = run(sides[side], &actions);
        }
    }
    double first = report(sides[0][0], samples[0], rounds);
    double second = report(sides[1][0], samples[1], rounds);
    printf("difference of the medians    %6.2f ms\n", first - second);
    return 0;
}
