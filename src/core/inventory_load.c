// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/inventory_load.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHUNK ((size_t)128 << 10)

/// A file that is read line by line; lines may hold any byte.
struct reader {
    FILE *file;
    const char *path;
    char *bytes;    ///< of the file: from `at` to `len` those that no line was made of
    size_t at, len; ///< there is room for one more
    size_t size;
    bool is_end;
};

/// Moves what is left to the front and reads on behind it.
static int fill(struct reader *reader, cpulift_error **err)
{
    size_t left = reader->len - reader->at;
    if (left == reader->size) {
        reader->size = MAX(CHUNK, 2 * reader->size);
        reader->bytes = g_realloc(reader->bytes, reader->size + 1);
    }
    memmove(reader->bytes, reader->bytes + reader->at, left);
    size_t count = fread(reader->bytes + left, 1, reader->size - left, reader->file);
    reader->at = 0;
    reader->len = left + count;
    reader->is_end = count == 0;
    return count > 0 || !ferror(reader->file)
               ? 0
               : cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot read '%s': %s", reader->path,
                                   g_strerror(errno));
}

/// One line of at most FILE_DOCUMENT_MAX bytes, without its end but NUL-terminated, until the next
/// is read; *ret_line NULL: there is none.
static int read_line(struct reader *reader, char **ret_line, size_t *ret_len, cpulift_error **err)
{
    size_t searched = 0, left;
    char *end = NULL;
    for (;;) {
        left = reader->len - reader->at;
        end = left > searched ? memchr(reader->bytes + reader->at + searched, '\n', left - searched)
                              : NULL;
        searched = left;
        *ret_len = end != NULL ? (size_t)(end - reader->bytes) - reader->at : left;
        if (*ret_len > FILE_DOCUMENT_MAX) {
            return cpulift_error_set(
                err, CPULIFT_EINPUT,
                "'%s' has a line of more than %zu bytes, which is no host document", reader->path,
                FILE_DOCUMENT_MAX);
        }
        if (end != NULL || reader->is_end) {
            break;
        }
        TRY(fill(reader, err));
    }
    *ret_line = end != NULL || left > 0 ? reader->bytes + reader->at : NULL;
    reader->at += *ret_len + (end != NULL);
    if (*ret_line != NULL) {
        (*ret_line)[*ret_len] = '\0';
    }
    return 0;
}

static int add_lines(inventory *inv, struct reader *reader, cpulift_error **err)
{
    g_autoptr(GString) where = g_string_new(reader->path);
    const size_t path_len = where->len;
    for (size_t number = 1;; number++) {
        char *line = NULL;
        size_t len = 0;
        TRY(read_line(reader, &line, &len, err));
        if (line == NULL) {
            return 0;
        }
        char place[24]; // without an allocation for each line
        g_snprintf(place, sizeof place, ":%zu", number);
        g_string_append(g_string_truncate(where, path_len), place);
        TRY(len > 0 ? inventory_add_text(inv, line, len, where->str, err) : 0);
    }
}

static int add_lines_path(inventory *inv, const char *path, cpulift_error **err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot open '%s': %s", path,
                                 g_strerror(errno));
    }
    struct reader reader = {.file = file, .path = path};
    int rc = add_lines(inv, &reader, err);
    g_free(reader.bytes);
    (void)fclose(file);
    return rc;
}

/// True where the first line is a whole object and more follow.
static bool has_lines(const char *text)
{
    const char *end = strchr(text, '\n');
    const char *more = end != NULL ? end + strspn(end, " \t\r\n") : "";
    while (end > text && g_ascii_isspace(*end)) {
        end--;
    }
    return *text == '{' && *more == '{' && *end == '}';
}

static int add_document(inventory *inv, const char *path, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    TRY(file_load(path, FILE_DOCUMENT_MAX, &text, &len, err));
    if (has_lines(text)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' holds several documents, one on each line: name it .jsonl",
                                 path);
    }
    return inventory_add_text(inv, text, len, path, err);
}

static int add_file(inventory *inv, const char *path, cpulift_error **err)
{
    static const char *const of_lines[] = {".jsonl", NULL};
    return file_has_suffix(path, of_lines) ? add_lines_path(inv, path, err)
                                           : add_document(inv, path, err);
}

/// One document over many lines, or one document on each line: a first line that is a whole object
/// tells.
static int add_either(inventory *inv, struct reader *reader, cpulift_error **err)
{
    char *line = NULL;
    size_t len = 0;
    TRY(read_line(reader, &line, &len, err));
    if (line != NULL && len > 1 && line[len - 1] == '}') {
        TRY(inventory_add_text(inv, line, len, reader->path, err));
        return add_lines(inv, reader, err);
    }
    g_autoptr(GString) all = g_string_new(NULL);
    while (line != NULL && all->len <= FILE_DOCUMENT_MAX) {
        g_string_append_len(all, line, (gssize)len);
        g_string_append_c(all, '\n');
        TRY(read_line(reader, &line, &len, err));
    }
    return inventory_add_text(inv, all->str, all->len, reader->path, err);
}

static int add_stdin(inventory *inv, cpulift_error **err)
{
    struct reader reader = {.file = stdin, .path = "standard input"};
    int rc = add_either(inv, &reader, err);
    g_free(reader.bytes);
    return rc;
}

static int add_folder(inventory *inv, const char *path, cpulift_error **err)
{
    static const char *const suffixes[] = {".json", ".jsonl", NULL};
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    TRY(file_list(path, suffixes, files, err));
    if (files->len == 0) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "folder '%s' holds no host document (*.json, *.jsonl); 'cpulift scan -o' "
            "writes them",
            path);
    }
    for (size_t i = 0; i < files->len; i++) {
        TRY(add_file(inv, files->pdata[i], err));
    }
    return 0;
}

int inventory_load(inventory *inv, const char *path, cpulift_error **err)
{
    enum file_kind kind = FILE_NONE;
    if (strcmp(path, "-") == 0) {
        return add_stdin(inv, err);
    }
    TRY(file_find_kind(path, &kind, err));
    return kind == FILE_FOLDER ? add_folder(inv, path, err) : add_file(inv, path, err);
}
