// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/text.h"

#include <string.h>

void text_make_printable(char *text)
{
    char *at = text;
    while (*at != '\0') {
        gunichar c = g_utf8_get_char_validated(at, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2 || g_unichar_iscntrl(c)) {
            *at++ = '?';
        } else {
            at = g_utf8_next_char(at);
        }
    }
}

bool text_is_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > 255 || name[0] == '.' || name[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isalnum(name[i]) && strchr("._-:@+", name[i]) == NULL) {
            return false;
        }
    }
    return true;
}

bool text_to_uint(const char *text, guint64 max, guint64 *ret_value)
{
    guint base = 10;
    if (g_str_has_prefix(text, "0x")) {
        text += 2;
        base = 16;
    }
    return g_ascii_string_to_unsigned(text, base, 0, max, ret_value, NULL);
}

int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *text_join_some(const char *const *names, size_t count, size_t most)
{
    GString *joined = g_string_new(NULL);
    size_t shown = MIN(count, most);
    for (size_t i = 0; i < shown; i++) {
        g_string_append_printf(joined, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    if (count > shown) {
        g_string_append_printf(joined, " and %zu more", count - shown);
    }
    return g_string_free(joined, FALSE);
}
