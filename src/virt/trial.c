// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/trial.h"

#include "base/auto.h"
#include "virt/emulator.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/// The smallest firmware that QEMU takes, and where an x86 CPU begins in it (16 bytes below 4 GiB).
#define FIRMWARE_SIZE 65536
#define RESET_OFFSET  0xfff0

/// QEMU's isa-debug-exit turns a byte n into the exit status 2n + 1.
#define PORT_DATA   0x31
#define EXIT_STATUS (2 * PORT_DATA + 1)

static const unsigned char code[] = {
    0xb0, PORT_DATA,       // mov al, PORT_DATA
    0xba, 0x01,      0x05, // mov dx, 0x501
    0xee,                  // out dx, al
    0xf4,                  // hlt
};

/// A nameless file with the firmware, or -1.
static int make_firmware(void)
{
    g_autofree unsigned char *image = g_malloc0(FIRMWARE_SIZE);
    memcpy(image + RESET_OFFSET, code, sizeof(code));
    autoclose int fd = memfd_create("firmware", MFD_CLOEXEC);
    bool is_whole = fd >= 0 && write(fd, image, FIRMWARE_SIZE) == FIRMWARE_SIZE;
    return is_whole ? auto_steal(&fd) : -1;
}

static int judge(struct emulator *emulator, const char *accelerator, unsigned timeout_ms,
                 cpulift_error **err)
{
    int status = emulator_wait(emulator, timeout_ms);
    if (status == -1) {
        return cpulift_error_set(err, CPULIFT_EREMOTE, "a guest on '%s' does not get anywhere",
                                 accelerator);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_STATUS) {
        g_autofree char *why = emulator_get_complaint(emulator);
        return cpulift_error_set(err, CPULIFT_EREMOTE, "no guest runs on '%s': %s", accelerator,
                                 why);
    }
    return 0;
}

int trial_run(const char *emulator, const char *accelerator, unsigned timeout_ms,
              cpulift_error **err)
{
    g_autofree char *machine = g_strdup_printf("pc,accel=%s", accelerator);
    const char *const argv[] = {emulator,      "-no-user-config",
                                "-nodefaults", "-no-reboot",
                                "-display",    "none",
                                "-m",          "1",
                                "-machine",    machine,
                                "-bios",       "/proc/self/fd/0",
                                "-device",     "isa-debug-exit,iobase=0x501,iosize=2",
                                NULL};
    autoclose int firmware = make_firmware();
    if (firmware < 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make a firmware: %s",
                                 g_strerror(errno));
    }
    struct emulator process;
    TRY(emulator_start(argv, firmware, -1, &process, err));
    int rc = judge(&process, accelerator, timeout_ms, err);
    emulator_stop(&process);
    return rc;
}
