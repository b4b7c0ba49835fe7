// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift-guest-init: process 1 of the guests that `cpulift bench --in guest` starts. Runs the
/// commands of /cpulift/commands, one after the other, with the serial line as their standard
/// output, reports how each ended, and switches the guest off.
///
/// The file: one word on each line, an empty line ends a command; "{vcpus}" is the number of CPUs.
/// The serial line: "@cpulift begin N", the command's output, "@cpulift said TEXT" (the end of its
/// standard error, when it failed), "@cpulift end N STATUS WALL CPU" (seconds), "@cpulift done".
#include "first.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 256, WORD_MAX = 4096, SAID_MAX = 200, TAIL_MAX = 4096 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double to_seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

/// The end of what a failed command said, on one line: from the last line that one of our workloads
/// begins with its name, where there is one, as src/measure/process.c has it.
static void print_said(int errors)
{
    char text[TAIL_MAX + 1];
    off_t size = lseek(errors, 0, SEEK_END);
    ssize_t got = pread(errors, text, TAIL_MAX, size > TAIL_MAX ? size - TAIL_MAX : 0);
    size_t len = got > 0 ? (size_t)got : 0, start = len > SAID_MAX ? len - SAID_MAX : 0;
    text[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if ((i == 0 || text[i - 1] == '\n') && strncmp(text + i, "cpulift-", 8) == 0) {
            start = i;
        }
    }
    for (char *c = text + start; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            *c = ' ';
        }
    }
    printf("\n@cpulift said %.*s", SAID_MAX, text + start);
}

static void run(unsigned number, char **argv)
{
    printf("@cpulift begin %u\n", number);
    fflush(stdout);
    int errors = open("/tmp/errors", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    double started = now();
    pid_t pid = fork();
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, STDIN_FILENO);
        dup2(errors, STDERR_FILENO);
        execvp(argv[0], argv);
        fprintf(stderr, "cannot run '%s': %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    int status = 0;
    struct rusage usage = {0};
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    double wall = now() - started;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code != 0) {
        print_said(errors);
    }
    printf("\n@cpulift end %u %d %.6f %.6f\n", number, code, wall,
           to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime));
    fflush(stdout);
    close(errors);
}

/// Reads the commands and runs each at its empty line.
static void run_all(FILE *commands)
{
    char line[WORD_MAX], *argv[WORDS_MAX + 1], vcpus[16];
    size_t count = 0;
    unsigned number = 0;
    snprintf(vcpus, sizeof vcpus, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    while (fgets(line, sizeof line, commands) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (*line != '\0' && count < WORDS_MAX) {
            argv[count++] = strdup(strcmp(line, "{vcpus}") == 0 ? vcpus : line);
        } else if (count > 0) {
            argv[count] = NULL;
            run(number++, argv);
            count = 0;
        }
    }
}

int main(void)
{
    first_set_up();
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", 1);
    setenv("HOME", "/root", 1);
    setenv("LC_ALL", "C", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    FILE *commands = fopen("/cpulift/commands", "re");
    if (commands != NULL) {
        run_all(commands);
        fclose(commands);
    }
    puts("@cpulift done");
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    sync();
    reboot(RB_POWER_OFF);
    return 1;
}
