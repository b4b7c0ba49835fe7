// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/kernel.h"

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
