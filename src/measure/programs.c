// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/programs.h"

#include "base/text.h"
#include "config.h"

#include <string.h>
#include <unistd.h>

/// What provides a program, and how it tells its version (NULL: it is not asked).
static const struct {
    const char *program, *provider, *version_option;
} table[] = {
    {"HandBrakeCLI", "install the package handbrake-cli", "--version"},
    {"cpulift", "build it with 'make build'", NULL},
    {"cpulift-ddg", "install petsc-dev and build again", NULL},
    {"cpulift-guest-init", "build it with 'make build'", NULL},
    {"cpulift-linpack", "install libopenblas-dev and build again", NULL},
    {"cpulift-run", "build it with 'make build'", NULL},
    {"cpulift-transcode", "build it with 'make build'", NULL},
    {"ffmpeg", "install the package ffmpeg", "-version"},
    {"ffprobe", "install the package ffmpeg", NULL},
    {"gnuplot", "install the package gnuplot-nox", "--version"},
    {"mpiexec", "install the package openmpi-bin", "--version"},
    {"qemu-system-x86_64", "install the package qemu-system-x86", "--version"},
};

static int find_row(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (strcmp(table[i].program, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int programs_find(const char *name, char **ret_path, cpulift_error **err)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self != NULL ? self : ".");
    const char *const folders[] = {g_getenv("CPULIFT_EXEC_PATH"), folder, CPULIFT_LIBEXECDIR};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        if (folders[i] == NULL || *folders[i] == '\0') {
            continue;
        }
        g_autofree char *path = g_build_filename(folders[i], name, NULL);
        if (access(path, X_OK) == 0) {
            *ret_path = g_steal_pointer(&path);
            return 0;
        }
    }
    *ret_path = g_find_program_in_path(name);
    if (*ret_path != NULL) {
        return 0;
    }
    int row = find_row(name);
    return cpulift_error_set(err, CPULIFT_EMISSING, "'%s' is not there; %s", name,
                             row >= 0 ? table[row].provider : "install it or name its path");
}

char *programs_read_version(const char *name)
{
    int row = find_row(name);
    g_autofree char *path = g_find_program_in_path(name);
    if (row < 0 || table[row].version_option == NULL || path == NULL) {
        return NULL;
    }
    char *argv[] = {path, (char *)table[row].version_option, NULL};
    g_autofree char *text = NULL;
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &text, NULL, NULL,
                      NULL)) {
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    text_make_printable(text);
    return *text != '\0' ? g_steal_pointer(&text) : NULL;
}

const char *programs_get_name(size_t index)
{
    return index < G_N_ELEMENTS(table) ? table[index].program : NULL;
}
