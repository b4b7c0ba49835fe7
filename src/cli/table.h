// SPDX-License-Identifier: LGPL-2.1-or-later
/// Tables for people on standard output. On a terminal the last column is wrapped to the width at
/// blanks and cells may be coloured; elsewhere lines are as long as they need and plain. A column
/// without a cell is left out.
#pragma once

#include <glib.h>

typedef struct table table;

/// `headers` ends with NULL; a header that begins with '>' (not shown) makes its column flush
/// right. Takes the character type of the user's locale, which decides what is printable.
table *table_new(const char *const *headers);

/// Adds a row; `cells` has one text (NULL is empty) for each header and is copied.
void table_add(table *t, const char *const *cells);

/// Colours one cell of the last row where the user wants colours (a terminal, no $NO_COLOR): "red",
/// "green", "yellow" and whatever else libsmartcols knows.
void table_add_color(table *t, size_t column, const char *color);

/// The table as text with a newline at the end. The caller frees it.
char *table_format(const table *t);

/// Adds a line that stands beside tables: on a terminal wrapped as their last column is, what goes
/// on indented by so many blanks.
void table_append_line(GString *out, const char *text, size_t indent);

void table_free(table *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(table, table_free)
