// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/local.h"

#include "base/file.h"
#include "base/text.h"

#include <string.h>
#include <sys/utsname.h>

#define VULNERABILITIES "sys/devices/system/cpu/vulnerabilities"

/// A line of the kernel is short.
#define LINE_FILE_MAX ((size_t)16 << 10)

static void add_line(json_t *lines, const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *text = NULL;
    if (file_load(path, LINE_FILE_MAX, &text, NULL, NULL) != 0) {
        return;
    }
    text[strcspn(text, "\n")] = '\0';
    text_make_printable(text);
    json_object_set_new(lines, name, json_string(g_strstrip(text)));
}

void local_read(const char *root, cpulift_host *host)
{
    struct utsname kernel;
    if (host->kernel_version == NULL && uname(&kernel) == 0) {
        host->kernel_version = g_strdup(kernel.release);
    }
    g_autofree char *folder = g_build_filename(root, VULNERABILITIES, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    if (dir == NULL || host->vulnerabilities != NULL) {
        return;
    }
    host->vulnerabilities = json_object();
    for (const char *name = g_dir_read_name(dir); name != NULL; name = g_dir_read_name(dir)) {
        add_line(host->vulnerabilities, folder, name);
    }
}
