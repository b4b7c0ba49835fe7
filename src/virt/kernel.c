// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/kernel.h"

#include "base/auto.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/// The name that sorts last among /boot/vmlinuz-*, or NULL.
static char *find_newest(void)
{
    g_autoptr(GDir) folder = g_dir_open("/boot", 0, NULL);
    g_autofree char *newest = NULL;
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        if (g_str_has_prefix(name, "vmlinuz-") &&
            (newest == NULL || strverscmp(name, newest) > 0)) {
            g_free(newest);
            newest = g_strdup(name);
        }
    }
    return newest != NULL ? g_build_filename("/boot", newest, NULL) : NULL;
}

/// True for what QEMU starts as a kernel: a bzImage, or an ELF file. Another file makes it end,
/// which would look as if it refused the CPU.
static bool is_kernel(const char *path)
{
    static const struct {
        size_t at;
        const char *magic;
    } forms[] = {{0x202, "HdrS"}, {0, "\177ELF"}};
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool is_one = false;
    for (size_t i = 0; fd >= 0 && i < G_N_ELEMENTS(forms) && !is_one; i++) {
        char found[4];
        is_one = pread(fd, found, sizeof found, (off_t)forms[i].at) == sizeof found &&
                 memcmp(found, forms[i].magic, sizeof found) == 0;
    }
    return is_one;
}

int kernel_find(const char *wanted, char **ret_path, cpulift_error **err)
{
    struct utsname host;
    uname(&host);
    g_autofree char *running = g_strdup_printf("/boot/vmlinuz-%s", host.release);
    g_autofree char *path = wanted != NULL               ? g_strdup(wanted)
                            : access(running, R_OK) == 0 ? g_strdup(running)
                                                         : find_newest();
    if (path == NULL || access(path, R_OK) != 0) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "there is no kernel for the guests at '%s'; install "
                                 "linux-image-cloud-amd64 or name one with --kernel",
                                 path != NULL ? path : running);
    }
    if (!is_kernel(path)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is no Linux kernel that QEMU starts; name a vmlinuz of x86 "
                                 "with --kernel",
                                 path);
    }
    *ret_path = g_canonicalize_filename(path, NULL);
    return 0;
}

char *kernel_find_module(const char *kernel, const char *name)
{
    static const char *const suffixes[] = {"", ".xz", ".zst", ".gz"};
    g_autofree char *folder = g_path_get_dirname(kernel);
    g_autofree char *file = g_path_get_basename(kernel);
    const char *release = strchr(file, '-');
    for (size_t i = 0; release != NULL && i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *last = g_strconcat(name, suffixes[i], NULL);
        g_autofree char *path =
            g_build_filename(folder, "..", "lib", "modules", release + 1, "kernel", last, NULL);
        if (access(path, R_OK) == 0) {
            return g_steal_pointer(&path);
        }
    }
    return NULL;
}
