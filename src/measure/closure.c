// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/closure.h"

#include "base/auto.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/// The loader of dynamic x86-64 programs (psABI); it lists what they need.
#define LOADER "/lib64/ld-linux-x86-64.so.2"

/// glibc loads it itself when a thread ends early.
#define UNWINDER "/lib/x86_64-linux-gnu/libgcc_s.so.1"

/// "\tname => /path (0x…)" or "\t/path (0x…)": the path, or NULL.
static char *parse_library(const char *line)
{
    const char *path = strchr(line, '/');
    const char *end = path != NULL ? strstr(path, " (0x") : NULL;
    return end != NULL ? g_strndup(path, (gsize)(end - path)) : NULL;
}

/// Nothing for static programs and for files that are none.
static int add_libraries(cpio *a, const char *path, cpulift_error **err)
{
    char *argv[] = {(char *)LOADER, (char *)"--list", (char *)path, NULL};
    g_autofree char *text = NULL;
    int status = 0;
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &text, NULL,
                      &status, NULL) ||
        status != 0) {
        return 0;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    TRY(cpio_add_file(a, LOADER, LOADER, err));
    if (access(UNWINDER, R_OK) == 0) {
        TRY(cpio_add_file(a, UNWINDER, UNWINDER, err));
    }
    for (char **line = lines; *line != NULL; line++) {
        g_autofree char *library = parse_library(*line);
        TRY(library != NULL ? cpio_add_file(a, library, library, err) : 0);
    }
    return 0;
}

/// The interpreter of a script ("#!/bin/sh"), or NULL.
static char *read_interpreter(const char *path)
{
    char start[256] = "";
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, start, sizeof start - 1) : 0;
    if (got < 3 || strncmp(start, "#!", 2) != 0) {
        return NULL;
    }
    char *name = start + 2 + strspn(start + 2, " \t");
    return g_strndup(name, strcspn(name, " \t\r\n"));
}

int closure_add_program(cpio *a, const char *path, cpulift_error **err)
{
    if (cpio_has(a, path)) {
        return 0;
    }
    TRY(cpio_add_file(a, path, path, err));
    g_autofree char *interpreter = read_interpreter(path);
    if (interpreter != NULL && strcmp(interpreter, path) != 0) {
        return closure_add_program(a, interpreter, err);
    }
    return add_libraries(a, path, err);
}

int closure_add_folder(cpio *a, const char *path, cpulift_error **err)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        if (g_file_test(inner, G_FILE_TEST_IS_DIR)) {
            TRY(g_file_test(inner, G_FILE_TEST_IS_SYMLINK) ? 0 : closure_add_folder(a, inner, err));
        } else if (g_file_test(inner, G_FILE_TEST_IS_REGULAR)) {
            TRY(closure_add_program(a, inner, err));
        }
    }
    return 0;
}
