// SPDX-License-Identifier: LGPL-2.1-or-later
/// Runs a fuzz target over the files of its corpus: the arguments are folders.
#include "base/file.h"
#include "fuzz.h"

#include <stdio.h>

/// Each input in memory of exactly its size, so that sanitizers see a read past its end.
static void run_file(const char *path)
{
    g_autofree char *text = NULL;
    size_t len;
    g_autoptr(cpulift_error) err = NULL;
    if (file_load(path, FILE_DOCUMENT_MAX, &text, &len, &err) != 0) {
        g_error("%s", err->message);
    }
    g_autofree uint8_t *data = g_memdup2(text, len);
    LLVMFuzzerTestOneInput(data, len);
}

static unsigned run_folder(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) folder = g_dir_open(path, 0, &error);
    if (folder == NULL) {
        g_error("%s", error->message);
    }
    unsigned count = 0;
    for (const char *name; (name = g_dir_read_name(folder)) != NULL; count++) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        run_file(file);
    }
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++) {
        count += run_folder(argv[i]);
    }
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
