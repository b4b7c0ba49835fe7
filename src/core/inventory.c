// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/inventory.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/// What a document of a kind looks like around the name.
struct exemplar {
    struct host_kind *kind;
    char *text;
    size_t before; ///< bytes up to and with the quote that opens the name
    size_t after;  ///< bytes from the quote that closes it
    size_t len;
};

struct inventory_private {
    GPtrArray *exemplars; ///< struct exemplar *, the latest hit first
    GHashTable *names;    ///< name → struct host_kind *; borrows the names of the kinds
    GHashTable *without;  ///< name → seen?
};

static void kind_free(void *data)
{
    struct host_kind *kind = data;
    host_free(kind->host);
    g_ptr_array_unref(kind->names);
    g_free(kind);
}

static void exemplar_free(void *data)
{
    struct exemplar *exemplar = data;
    g_free(exemplar->text);
    g_free(exemplar);
}

inventory *inventory_new(const catalog *map)
{
    inventory *inv = g_new0(inventory, 1);
    inv->map = map;
    inv->kinds = g_ptr_array_new_with_free_func(kind_free);
    inv->private = g_new0(struct inventory_private, 1);
    inv->private->exemplars = g_ptr_array_new_with_free_func(exemplar_free);
    inv->private->names = g_hash_table_new(g_str_hash, g_str_equal);
    inv->private->without = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return inv;
}

void inventory_free(inventory *inv)
{
    if (inv != NULL) {
        g_ptr_array_unref(inv->private->exemplars);
        g_hash_table_unref(inv->private->names);
        g_hash_table_unref(inv->private->without);
        g_free(inv->private);
        g_ptr_array_unref(inv->kinds);
        g_free(inv);
    }
}

void inventory_add_without(inventory *inv, const char *name)
{
    g_hash_table_insert(inv->private->without, g_strdup(name), GINT_TO_POINTER(false));
}

GPtrArray *inventory_get_without(const inventory *inv, bool is_seen)
{
    GPtrArray *names = g_ptr_array_new();
    GHashTableIter iter;
    void *name, *seen;
    g_hash_table_iter_init(&iter, inv->private->without);
    while (g_hash_table_iter_next(&iter, &name, &seen)) {
        if (GPOINTER_TO_INT(seen) == is_seen) {
            g_ptr_array_add(names, name);
        }
    }
    g_ptr_array_sort(names, text_compare);
    return names;
}

/// Adds a host's name to its kind, unless it is left out.
static int add_name(inventory *inv, struct host_kind *kind, const char *name, cpulift_error **err)
{
    if (g_hash_table_contains(inv->private->without, name)) {
        g_hash_table_insert(inv->private->without, g_strdup(name), GINT_TO_POINTER(true));
        return 0;
    }
    if (g_hash_table_contains(inv->private->names, name)) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "host '%s' stands twice among the documents; remove one or rename it "
            "('cpulift import --name', or \"name\" in the document)",
            name);
    }
    char *copy = g_strdup(name);
    g_ptr_array_add(kind->names, copy);
    g_hash_table_insert(inv->private->names, copy, kind);
    inv->host_count++;
    return 0;
}

/// True if `text` is the exemplar's document with another name; *ret_name is the caller's.
static bool is_same_kind(const struct exemplar *exemplar, const char *text, size_t len,
                         char **ret_name)
{
    if (len < exemplar->before + exemplar->after ||
        memcmp(text, exemplar->text, exemplar->before) != 0) {
        return false;
    }
    size_t name_len = len - exemplar->before - exemplar->after;
    if (memcmp(text + exemplar->before + name_len, exemplar->text + exemplar->len - exemplar->after,
               exemplar->after) != 0) {
        return false;
    }
    g_autofree char *name = g_strndup(text + exemplar->before, name_len);
    if (strlen(name) != name_len || !text_is_name(name)) {
        return false;
    }
    *ret_name = g_steal_pointer(&name);
    return true;
}

static int add_known(inventory *inv, const char *text, size_t len, bool *ret_is_known,
                     cpulift_error **err)
{
    GPtrArray *exemplars = inv->private->exemplars;
    for (size_t i = 0; i < exemplars->len; i++) {
        struct exemplar *exemplar = exemplars->pdata[i];
        g_autofree char *name = NULL;
        if (is_same_kind(exemplar, text, len, &name)) {
            *ret_is_known = true;
            return add_name(inv, exemplar->kind, name, err);
        }
    }
    *ret_is_known = false;
    return 0;
}

/// Keeps the text as its kind's exemplar, if `"name": "NAME"` stands in it exactly once, so that
/// the place is beyond doubt.
static void keep_exemplar(inventory *inv, struct host_kind *kind, const char *text, size_t len)
{
    g_autofree char *spaced = g_strdup_printf("\"name\": \"%s\"", kind->host->name);
    g_autofree char *dense = g_strdup_printf("\"name\":\"%s\"", kind->host->name);
    const char *member = strstr(text, spaced) != NULL ? spaced : dense;
    const char *at = strstr(text, member);
    if (at == NULL || strstr(at + 1, member) != NULL || strlen(text) != len) {
        return;
    }
    struct exemplar *exemplar = g_new0(struct exemplar, 1);
    size_t name_len = strlen(kind->host->name);
    exemplar->kind = kind;
    exemplar->text = g_strdup(text);
    exemplar->len = len;
    exemplar->before = (size_t)(at - text) + strlen(member) - 1 - name_len;
    exemplar->after = len - exemplar->before - name_len;
    g_ptr_array_add(inv->private->exemplars, exemplar);
}

int inventory_add_text(inventory *inv, const char *text, size_t len, const char *where,
                       cpulift_error **err)
{
    bool is_known = false;
    int rc = add_known(inv, text, len, &is_known, err);
    g_autoptr(cpulift_host) host = NULL;
    if (rc == 0 && !is_known) {
        rc = host_parse(text, len, where, inv->map, &host, err);
    }
    if (rc != 0 || is_known) {
        return rc;
    }
    struct host_kind *kind = g_new0(struct host_kind, 1);
    kind->host = g_steal_pointer(&host);
    kind->names = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(inv->kinds, kind);
    keep_exemplar(inv, kind, text, len);
    return add_name(inv, kind, kind->host->name, err);
}

/// Reads one line of at most FILE_DOCUMENT_MAX bytes, without its end. *ret_has_line false: there
/// is none.
static int read_line(FILE *file, const char *path, GString *line, bool *ret_has_line,
                     cpulift_error **err)
{
    char buffer[65536];
    g_string_truncate(line, 0);
    while (fgets(buffer, sizeof buffer, file) != NULL) {
        g_string_append(line, buffer);
        if (line->len > 0 && line->str[line->len - 1] == '\n') {
            g_string_truncate(line, line->len - 1);
            *ret_has_line = true;
            return 0;
        }
        if (line->len > FILE_DOCUMENT_MAX) {
            return cpulift_error_set(
                err, CPULIFT_EINPUT,
                "'%s' has a line of more than %zu bytes, which is no host document", path,
                FILE_DOCUMENT_MAX);
        }
    }
    *ret_has_line = line->len > 0;
    if (ferror(file)) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot read '%s': %s", path,
                                 g_strerror(errno));
    }
    return 0;
}

static int add_lines(inventory *inv, FILE *file, const char *path, cpulift_error **err)
{
    g_autoptr(GString) line = g_string_sized_new(16384);
    bool has_line = true;
    for (size_t number = 1;; number++) {
        int rc = read_line(file, path, line, &has_line, err);
        if (rc != 0 || !has_line) {
            return rc;
        }
        g_autofree char *where = g_strdup_printf("%s:%zu", path, number);
        if (line->len > 0 &&
            (rc = inventory_add_text(inv, line->str, line->len, where, err)) != 0) {
            return rc;
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
    int rc = add_lines(inv, file, path, err);
    (void)fclose(file);
    return rc;
}

static int add_document(inventory *inv, const char *path, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    int rc = file_load(path, FILE_DOCUMENT_MAX, &text, &len, err);
    return rc != 0 ? rc : inventory_add_text(inv, text, len, path, err);
}

/// Standard input is one document over many lines, or one document on each line: a first line that
/// is a whole object tells.
static int add_stdin(inventory *inv, cpulift_error **err)
{
    g_autoptr(GString) line = g_string_new(NULL);
    bool has_line = false;
    int rc = read_line(stdin, "standard input", line, &has_line, err);
    if (rc == 0 && line->len > 1 && line->str[line->len - 1] == '}') {
        rc = inventory_add_text(inv, line->str, line->len, "standard input", err);
        return rc != 0 ? rc : add_lines(inv, stdin, "standard input", err);
    }
    g_autoptr(GString) all = g_string_new(NULL);
    while (rc == 0 && has_line && all->len <= FILE_DOCUMENT_MAX) {
        g_string_append_printf(all, "%s\n", line->str);
        rc = read_line(stdin, "standard input", line, &has_line, err);
    }
    return rc != 0 ? rc : inventory_add_text(inv, all->str, all->len, "standard input", err);
}

static int add_folder(inventory *inv, const char *path, cpulift_error **err)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) folder = g_dir_open(path, 0, &error);
    if (folder == NULL) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "%s", error->message);
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; (name = g_dir_read_name(folder)) != NULL;) {
        if (name[0] != '.' &&
            (g_str_has_suffix(name, ".json") || g_str_has_suffix(name, ".jsonl"))) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    if (names->len == 0) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "folder '%s' holds no host document (*.json, *.jsonl); 'cpulift scan -o' "
            "writes them",
            path);
    }
    g_ptr_array_sort(names, text_compare);
    int rc = 0;
    for (size_t i = 0; i < names->len && rc == 0; i++) {
        g_autofree char *file = g_build_filename(path, names->pdata[i], NULL);
        rc = g_str_has_suffix(file, ".jsonl") ? add_lines_path(inv, file, err)
                                              : add_document(inv, file, err);
    }
    return rc;
}

int inventory_add_path(inventory *inv, const char *path, cpulift_error **err)
{
    if (strcmp(path, "-") == 0) {
        return add_stdin(inv, err);
    }
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
        return add_folder(inv, path, err);
    }
    return g_str_has_suffix(path, ".jsonl") ? add_lines_path(inv, path, err)
                                            : add_document(inv, path, err);
}

static int compare_kinds(const void *a, const void *b)
{
    const struct host_kind *const *ka = a, *const *kb = b;
    return strcmp((*ka)->names->pdata[0], (*kb)->names->pdata[0]);
}

void inventory_sort(inventory *inv)
{
    for (size_t i = inv->kinds->len; i > 0; i--) {
        struct host_kind *kind = inv->kinds->pdata[i - 1];
        if (kind->names->len == 0) {
            g_ptr_array_remove_index(inv->kinds, (guint)i - 1);
        } else {
            g_ptr_array_sort(kind->names, text_compare);
        }
    }
    g_ptr_array_sort(inv->kinds, compare_kinds);
    g_ptr_array_set_size(inv->private->exemplars, 0);
}

const struct host_kind *inventory_find(const inventory *inv, const char *name)
{
    return g_hash_table_lookup(inv->private->names, name);
}
