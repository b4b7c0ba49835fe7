// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/emulator.h"

#include "base/auto.h"
#include "base/jobs.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

/// How much of QEMU's complaint is read.
#define COMPLAINT_MAX 1024

int emulator_start(const char *const *argv, int in, int out, struct emulator *ret_emulator,
                   cpulift_error **err)
{
    struct emulator started = {0, memfd_create("complaints", MFD_CLOEXEC)};
    if (started.complaints < 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot run '%s': %s", argv[0],
                                 g_strerror(errno));
    }
    pid_t self = getpid();
    GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH;
    if (out < 0) {
        flags |= G_SPAWN_STDOUT_TO_DEV_NULL;
    }
    g_autoptr(GError) error = NULL;
    if (!g_spawn_async_with_fds(NULL, (char **)argv, NULL, flags, jobs_tie, &self, &started.pid, in,
                                out, started.complaints, &error)) {
        close(started.complaints);
        return cpulift_error_set(err, CPULIFT_EMISSING, "cannot run '%s': %s", argv[0],
                                 error->message);
    }
    *ret_emulator = started;
    return 0;
}

char *emulator_get_complaint(const struct emulator *emulator)
{
    char text[COMPLAINT_MAX + 1] = "";
    off_t size = lseek(emulator->complaints, 0, SEEK_END);
    off_t from = MAX(size - COMPLAINT_MAX, (off_t)0);
    ssize_t n = pread(emulator->complaints, text, COMPLAINT_MAX, from);
    text[MAX(n, 0)] = '\0';
    g_autofree char *line = text_join_lines(text);
    return g_strdup(*line != '\0' ? line : "it said nothing");
}

int emulator_wait(struct emulator *emulator, unsigned timeout_ms)
{
    autoclose int fd = pidfd_open(emulator->pid, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    bool is_over = fd >= 0 && poll(&wait, 1, (int)MIN(timeout_ms, (unsigned)G_MAXINT)) == 1;
    int status = -1;
    if (is_over && jobs_wait(emulator->pid, &status)) {
        emulator->pid = 0;
    }
    return status;
}

void emulator_stop(struct emulator *emulator)
{
    if (emulator->pid > 0) {
        kill(emulator->pid, SIGKILL);
        jobs_wait(emulator->pid, NULL);
    }
    close(emulator->complaints);
}
