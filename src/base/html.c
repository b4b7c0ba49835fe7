// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/html.h"

#include <string.h>

void html_add(GString *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_markup_vprintf_escaped(format, args);
    va_end(args);
    g_string_append(page, text);
}

char *html_fill(const char *template, const char *const (*values)[2], size_t count)
{
    GString *text = g_string_new(NULL);
    g_auto(GStrv) parts = g_strsplit(template, "@", -1);
    for (size_t i = 0; parts[i] != NULL; i++) {
        const char *part = parts[i];
        for (size_t v = 0; i % 2 == 1 && v < count; v++) {
            part = strcmp(parts[i], values[v][0]) == 0 ? values[v][1] : part;
        }
        g_string_append(text, part);
    }
    return g_string_free(text, FALSE);
}
