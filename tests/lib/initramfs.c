// SPDX-License-Identifier: LGPL-2.1-or-later
/// test-initramfs ARCHIVE [NAME=FILE]…: an initramfs of these files, as the product writes it.
#include "base/cpio.h"

#include <stdio.h>
#include <string.h>

static int build(char **argv, cpulift_error **err)
{
    g_autoptr(cpio) archive = NULL;
    TRY(cpio_open(argv[1], &archive, err));
    for (char **file = argv + 2; *file != NULL; file++) {
        g_auto(GStrv) parts = g_strsplit(*file, "=", 2);
        TRY(cpio_add_file(archive, parts[0], parts[1] != NULL ? parts[1] : parts[0], err));
    }
    TRY(cpio_add_folder(archive, "/dev", err));
    return cpio_finish(archive, err);
}

int main(int argc, char **argv)
{
    g_autoptr(cpulift_error) err = NULL;
    if (argc < 2 || build(argv, &err) != 0) {
        fprintf(stderr, "test-initramfs: %s\n", argc < 2 ? "no archive named" : err->message);
        return 1;
    }
    return 0;
}
