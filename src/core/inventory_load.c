// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/inventory_load.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/// A file that is read line by line; lines may hold any byte.
struct reader {
    FILE *file;
    const char *path;
    size_t at, len; ///< of the buffer: the next byte, and the end
    char buffer[65536];
};

static int fill(struct reader *reader, cpulift_error **err)
{
    reader->at = 0;
    reader->len = fread(reader->buffer, 1, sizeof reader->buffer, reader->file);
    if (reader->len == 0 && ferror(reader->file)) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot read '%s': %s", reader->path,
                                 g_strerror(errno));
    }
    return 0;
}

/// Reads one line of at most FILE_DOCUMENT_MAX bytes, without its end. *ret_has_line false: there
/// is none.
static int read_line(struct reader *reader, GString *line, bool *ret_has_line, cpulift_error **err)
{
    g_string_truncate(line, 0);
    for (;;) {
        int rc = reader->at == reader->len ? fill(reader, err) : 0;
        if (rc != 0 || reader->len == 0) {
            *ret_has_line = line->len > 0;
            return rc;
        }
        const char *start = reader->buffer + reader->at;
        const char *end = memchr(start, '\n', reader->len - reader->at);
        size_t count = end != NULL ? (size_t)(end - start) : reader->len - reader->at;
        g_string_append_len(line, start, (gssize)count);
        reader->at += count + (end != NULL);
        if (line->len > FILE_DOCUMENT_MAX) {
            return cpulift_error_set(
                err, CPULIFT_EINPUT,
                "'%s' has a line of more than %zu bytes, which is no host document", reader->path,
                FILE_DOCUMENT_MAX);
        }
        if (end != NULL) {
            *ret_has_line = true;
            return 0;
        }
    }
}

static int add_lines(inventory *inv, struct reader *reader, cpulift_error **err)
{
    g_autoptr(GString) line = g_string_sized_new(16384);
    bool has_line = true;
    for (size_t number = 1;; number++) {
        TRY(read_line(reader, line, &has_line, err));
        if (!has_line) {
            return 0;
        }
        g_autofree char *where = g_strdup_printf("%s:%zu", reader->path, number);
        if (line->len > 0) {
            TRY(inventory_add_text(inv, line->str, line->len, where, err));
        }
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
    return g_str_has_suffix(path, ".jsonl") ? add_lines_path(inv, path, err)
                                            : add_document(inv, path, err);
}

/// Standard input is one document over many lines, or one document on each line: a first line that
/// is a whole object tells.
static int add_stdin(inventory *inv, cpulift_error **err)
{
    struct reader reader = {.file = stdin, .path = "standard input"};
    g_autoptr(GString) line = g_string_new(NULL);
    bool has_line = false;
    TRY(read_line(&reader, line, &has_line, err));
    if (line->len > 1 && line->str[line->len - 1] == '}') {
        TRY(inventory_add_text(inv, line->str, line->len, reader.path, err));
        return add_lines(inv, &reader, err);
    }
    g_autoptr(GString) all = g_string_new(NULL);
    while (has_line && all->len <= FILE_DOCUMENT_MAX) {
        g_string_append_len(all, line->str, (gssize)line->len);
        g_string_append_c(all, '\n');
        TRY(read_line(&reader, line, &has_line, err));
    }
    return inventory_add_text(inv, all->str, all->len, reader.path, err);
}

static int add_folder(inventory *inv, const char *path, cpulift_error **err)
{
    static const char *const suffixes[] = {".json", ".jsonl", NULL};
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    TRY(file_list(path, suffixes, false, files, err));
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
    if (strcmp(path, "-") == 0) {
        return add_stdin(inv, err);
    }
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
        return add_folder(inv, path, err);
    }
    return add_file(inv, path, err);
}
