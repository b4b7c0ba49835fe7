// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/table.h"

#include "base/text.h"

#include <langinfo.h>
#include <libsmartcols.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct table {
    struct libscols_table *rows;
    struct libscols_line *last;
    size_t width; ///< columns
};

static void add_column(struct libscols_table *rows, const char *header, bool is_last)
{
    bool is_right = header[0] == '>';
    int flags = (is_right ? SCOLS_FL_RIGHT : 0) | (is_last ? SCOLS_FL_WRAP : 0);
    scols_table_new_column(rows, header + is_right, 0, flags);
}

table *table_new(const char *const *headers)
{
    setlocale(LC_CTYPE, "");
    table *made = g_new0(table, 1);
    made->rows = scols_new_table();
    g_return_val_if_fail(made->rows != NULL, made);
    scols_table_enable_colors(made->rows, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL);
    scols_table_enable_ascii(made->rows, strcmp(nl_langinfo(CODESET), "UTF-8") != 0);
    for (; headers[made->width] != NULL; made->width++) {
        add_column(made->rows, headers[made->width], headers[made->width + 1] == NULL);
    }
    return made;
}

void table_add(table *t, const char *const *cells)
{
    t->last = scols_table_new_line(t->rows, NULL);
    for (size_t i = 0; i < t->width; i++) {
        scols_line_set_data(t->last, i, cells[i]);
    }
}

void table_add_color(table *t, size_t column, const char *color)
{
    scols_cell_set_color(scols_line_get_cell(t->last, column), color);
}

/// libsmartcols' own wrapping breaks words: these two do it at blanks. `data` is the width.
static size_t get_chunk_size(const struct libscols_column *column, const char *text, void *data)
{
    (void)column;
    size_t widest = MIN(GPOINTER_TO_SIZE(data), strlen(text));
    for (const char *word = text; *word != '\0'; word += strspn(word, " ")) {
        size_t len = strcspn(word, " ");
        widest = MAX(widest, len);
        word += len;
    }
    return widest;
}

static char *get_next_chunk(const struct libscols_column *column, char *text, void *data)
{
    (void)column;
    char *end = text + text_find_break(text, GPOINTER_TO_SIZE(data));
    if (*end == '\0') {
        return NULL;
    }
    *end = '\0';
    return end + 1;
}

/// The table as libsmartcols prints it. On a terminal it is printed twice: the first time says how
/// wide the last column can be.
static char *print(const table *t)
{
    char *text = NULL;
    if (scols_print_table_to_string(t->rows, &text) != 0 || !isatty(STDOUT_FILENO)) {
        return text;
    }
    struct libscols_column *last = scols_table_get_column(t->rows, t->width - 1);
    scols_column_set_wrapfunc(last, get_chunk_size, get_next_chunk,
                              GSIZE_TO_POINTER(scols_column_get_width(last)));
    free(text);
    text = NULL;
    return scols_print_table_to_string(t->rows, &text) == 0 ? text : NULL;
}

/// A column in which no row has anything says nothing, and is not shown.
static void hide_empty_columns(const table *t)
{
    for (size_t c = 0; c < t->width && t->last != NULL; c++) {
        bool is_empty = true;
        for (size_t l = 0; l < scols_table_get_nlines(t->rows) && is_empty; l++) {
            const char *cell = scols_line_get_column_data(scols_table_get_line(t->rows, l),
                                                          scols_table_get_column(t->rows, c));
            is_empty = cell == NULL || *cell == '\0';
        }
        if (is_empty) {
            scols_column_set_flags(scols_table_get_column(t->rows, c), SCOLS_FL_HIDDEN);
        }
    }
}

/// A cell that is empty up to the end of its line leaves blanks there, which are taken off.
char *table_format(const table *t)
{
    hide_empty_columns(t);
    char *text = print(t);
    if (text == NULL) {
        return g_strdup("");
    }
    GString *trimmed = g_string_sized_new(strlen(text) + 1);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    free(text);
    for (size_t i = 0; lines[i] != NULL && (lines[i][0] != '\0' || lines[i + 1] != NULL); i++) {
        g_string_append(trimmed, g_strchomp(lines[i]));
        g_string_append_c(trimmed, '\n');
    }
    return g_string_free(trimmed, FALSE);
}

void table_append_line(GString *out, const char *text, size_t indent)
{
    size_t columns = text_get_columns(STDOUT_FILENO);
    text_append_wrapped(out, text, indent, columns > 0 ? columns : G_MAXSIZE);
}

void table_free(table *t)
{
    if (t != NULL) {
        scols_unref_table(t->rows);
        g_free(t);
    }
}
