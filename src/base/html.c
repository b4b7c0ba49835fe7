// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/html.h"

#include "base/text.h"

#include <string.h>

/// Control characters are references by then, which no other character is.
void html_add(GString *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_markup_vprintf_escaped(format, args);
    va_end(args);
    text_make_lines_printable(text);
    const char *at = text;
    for (const char *control = strstr(at, "&#x"); control != NULL; control = strstr(at, "&#x")) {
        g_string_append_len(page, at, control - at);
        g_string_append_c(page, '?');
        at = strchr(control, ';') + 1;
    }
    g_string_append(page, at);
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
