// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/keeper.h"

#include "base/auto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/// What is looked for stands in the first kilobytes of a QEMU's arguments.
#define ARGUMENTS_MAX 16384

/// Where the driver has what it needs for each, below its root.
#define QEMU_FOLDER "/lib/qemu/"

/// libvirt's children hold nothing of ours for a moment before they become QEMU.
#define LOOK_US 50000
#define LOOKS   3

// The keeper is forked from a process with threads: it uses nothing of GLib, which may be locked.

static size_t read_arguments(pid_t pid, char *text, size_t max)
{
    char path[64];
    struct stat info;
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_ours = fd >= 0 && fstat(fd, &info) == 0 && info.st_uid == geteuid();
    ssize_t n = is_ours ? read(fd, text, max) : 0;
    return (size_t)MAX(n, 0);
}

/// What is called so there is this folder: in another mount namespace it may be another one.
static bool sees(pid_t pid, const char *root)
{
    char path[PATH_MAX];
    struct stat ours, its;
    snprintf(path, sizeof path, "/proc/%d/root%s", (int)pid, root);
    return stat(root, &ours) == 0 && stat(path, &its) == 0 && ours.st_dev == its.st_dev &&
           ours.st_ino == its.st_ino;
}

/// It has a folder of the driver's among its arguments, and one that libvirt gives each QEMU.
static bool is_left(pid_t pid, const char *root)
{
    static const char option[] = "\0-no-user-config";
    char text[ARGUMENTS_MAX], folder[PATH_MAX];
    size_t len = read_arguments(pid, text, sizeof text);
    snprintf(folder, sizeof folder, "%s" QEMU_FOLDER, root);
    return memmem(text, len, folder, strlen(folder)) != NULL &&
           memmem(text, len, option, sizeof option) != NULL && sees(pid, root);
}

/// The number may be another's by the time that it is looked at: the descriptor is not.
static bool end_process(pid_t pid, const char *root)
{
    autoclose int fd = pidfd_open(pid, 0);
    return fd >= 0 && is_left(pid, root) && pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0;
}

/// Whether there was any.
static bool end_left(const char *root)
{
    bool is_any = false;
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        is_any |= pid > 0 && end_process(pid, root);
    }
    if (processes != NULL) {
        closedir(processes);
    }
    return is_any;
}

/// libvirt makes a folder for each QEMU that it asks.
static void remove_folder(int parent, const char *name)
{
    static const char *const files[] = {"qmp.monitor", "qmp.pid"};
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", name, files[i]);
        (void)unlinkat(parent, path, 0);
    }
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

static void remove_folders(const char *root)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s" QEMU_FOLDER, root);
    DIR *folders = opendir(path);
    const struct dirent *entry;
    while (folders != NULL && (entry = readdir(folders)) != NULL) {
        if (strncmp(entry->d_name, "qmp-", 4) == 0) {
            remove_folder(dirfd(folders), entry->d_name);
        }
    }
    if (folders != NULL) {
        closedir(folders);
    }
}

/// All that another may wait to be closed.
static void close_others(int one, int other)
{
    unsigned low = (unsigned)MIN(one, other), high = (unsigned)MAX(one, other);
    if (low > 0) {
        close_range(0, low - 1, 0);
    }
    if (high > low + 1) {
        close_range(low + 1, high - 1, 0);
    }
    close_range(high + 1, ~0U, 0);
}

/// `end` is read to its end, which is that of all who can write to it.
static void G_NORETURN keep(const char *root, int lock, int end)
{
    char nothing;
    setsid();
    prctl(PR_SET_NAME, "cpulift-keeper");
    close_others(lock, end);
    while (read(end, &nothing, 1) < 0 && errno == EINTR) {
    }
    for (unsigned look = 0; look < LOOKS; look++) {
        usleep(LOOK_US);
        (void)end_left(root);
    }
    remove_folders(root);
    _exit(EXIT_SUCCESS);
}

static int fail(const char *root, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot watch over the QEMUs of '%s': %s", root,
                             g_strerror(errno));
}

int keeper_start(const char *root, int lock, cpulift_error **err)
{
    int ends[2];
    while (end_left(root)) {
        g_usleep(LOOK_US);
    }
    remove_folders(root);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail(root, err);
    }
    pid_t pid = fork();
    if (pid == 0) {
        keep(root, lock, ends[0]);
    }
    int saved = errno;
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        errno = saved;
        return fail(root, err);
    }
    return 0; // our end of the pipe is closed when this process ends
}
