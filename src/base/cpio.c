// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/cpio.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct cpio {
    FILE *file;
    char *path;
    GHashTable *names; ///< what is in it
    unsigned inode;
};

enum { MODE_FOLDER = 0040755, MODE_FILE = 0100755 };

/// The format's sizes are 32 bits.
#define FILE_MAX ((size_t)0x7fffffff)

static int fail(const cpio *a, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot write '%s': %s", a->path,
                             g_strerror(errno));
}

int cpio_open(const char *path, cpio **ret_archive, cpulift_error **err)
{
    g_autoptr(cpio) a = g_new0(cpio, 1);
    a->path = g_strdup(path);
    a->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    a->file = fopen(path, "we");
    if (a->file == NULL) {
        return fail(a, err);
    }
    *ret_archive = g_steal_pointer(&a);
    return 0;
}

void cpio_free(cpio *a)
{
    if (a != NULL) {
        if (a->file != NULL) {
            fclose(a->file);
        }
        g_hash_table_unref(a->names);
        g_free(a->path);
        g_free(a);
    }
}

/// Header and data each end on a multiple of four bytes.
static void pad(cpio *a)
{
    while (ftell(a->file) % 4 != 0) {
        fputc(0, a->file);
    }
}

/// No times, owners or devices: the same files give the same bytes. Names stand without their
/// slash.
static int write_entry(cpio *a, const char *name, unsigned mode, const char *data, size_t len,
                       cpulift_error **err)
{
    const char *stored = name[0] == '/' ? name + 1 : name;
    fprintf(a->file, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", ++a->inode,
            mode, 0U, 0U, mode == MODE_FOLDER ? 2U : 1U, 0U, len, 0U, 0U, 0U, 0U,
            strlen(stored) + 1, 0U);
    fwrite(stored, strlen(stored) + 1, 1, a->file);
    pad(a);
    if (len > 0) {
        fwrite(data, len, 1, a->file);
        pad(a);
    }
    g_hash_table_add(a->names, g_strdup(name));
    return ferror(a->file) ? fail(a, err) : 0;
}

bool cpio_has(const cpio *a, const char *name)
{
    return g_hash_table_contains(a->names, name);
}

int cpio_add_folder(cpio *a, const char *name, cpulift_error **err)
{
    if (strcmp(name, "/") == 0 || strcmp(name, ".") == 0 || cpio_has(a, name)) {
        return 0;
    }
    g_autofree char *parent = g_path_get_dirname(name);
    TRY(cpio_add_folder(a, parent, err));
    return write_entry(a, name, MODE_FOLDER, NULL, 0, err);
}

int cpio_add_text(cpio *a, const char *name, const char *text, size_t len, cpulift_error **err)
{
    if (cpio_has(a, name)) {
        return 0;
    }
    g_autofree char *parent = g_path_get_dirname(name);
    TRY(cpio_add_folder(a, parent, err));
    return write_entry(a, name, MODE_FILE, text, len, err);
}

int cpio_add_file(cpio *a, const char *name, const char *source, cpulift_error **err)
{
    if (cpio_has(a, name)) {
        return 0;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new(source, FALSE, &error);
    if (file == NULL || g_mapped_file_get_length(file) > FILE_MAX) {
        return cpulift_error_set(err, CPULIFT_EMISSING, "cannot put '%s' into the guest: %s",
                                 source, error != NULL ? error->message : "it is too large");
    }
    return cpio_add_text(a, name, g_mapped_file_get_contents(file), g_mapped_file_get_length(file),
                         err);
}

int cpio_finish(cpio *a, cpulift_error **err)
{
    TRY(write_entry(a, "TRAILER!!!", 0, NULL, 0, err));
    return fflush(a->file) == 0 ? 0 : fail(a, err);
}
