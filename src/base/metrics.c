// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/metrics.h"

void metrics_add_family(GString *out, const char *name, const char *type, const char *help)
{
    g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/// A label's value: a quotation mark, a backslash and the end of a line are escaped.
static void add_escaped(GString *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            g_string_append_c(out, '\\');
        }
        if (*text == '\n') {
            g_string_append(out, "\\n");
        } else {
            g_string_append_c(out, *text);
        }
    }
}

void metrics_add(GString *out, const char *name, const char *label, const char *value,
                 double number)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append(out, name);
    if (label != NULL) {
        g_string_append_printf(out, "{%s=\"", label);
        add_escaped(out, value);
        g_string_append(out, "\"}");
    }
    g_string_append_printf(out, " %s\n", g_ascii_formatd(digits, sizeof digits, "%.15g", number));
}
