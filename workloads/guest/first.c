// SPDX-License-Identifier: LGPL-2.1-or-later
#include "first.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static const struct {
    const char *type, *target;
} mounts[] = {
    {"devtmpfs", "/dev"},  {"proc", "/proc"}, {"sysfs", "/sys"},
    {"tmpfs", "/dev/shm"}, {"tmpfs", "/tmp"},
};

void first_set_up(void)
{
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        mkdir(mounts[i].target, 0755);
        mount(mounts[i].type, mounts[i].target, mounts[i].type, 0, NULL);
    }
    int quiet = open("/proc/sys/kernel/printk", O_WRONLY | O_CLOEXEC);
    if (quiet >= 0) {
        // The kernel's own lines would break ours.
        (void)!write(quiet, "0", 1);
        close(quiet);
    }
    int line = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
    struct termios settings;
    if (line >= 0 && tcgetattr(line, &settings) == 0) {
        cfmakeraw(&settings);
        tcsetattr(line, TCSANOW, &settings);
        dup2(line, STDOUT_FILENO);
        close(line);
    }
}
