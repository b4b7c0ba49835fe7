// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/text.h"

#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

#define WORD_MAX 40 ///< of names that are compared letter by letter

/// True where a line ends or is laid out.
static bool is_layout(const char *at)
{
    return *at == '\n' || *at == '\t' || (*at == '\r' && at[1] == '\n');
}

/// A character that is not seen and changes what is: it steers a terminal, ends a line or turns the
/// text around.
static bool is_hidden(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return true;
    default:
        return false;
    }
}

/// No more is read than there is, whatever the bytes are.
static bool is_printable(const char *at)
{
    bool is_ascii = (guchar)*at < 0x80;
    gunichar c = is_ascii ? (guchar)*at : g_utf8_get_char_validated(at, -1);
    return c != (gunichar)-1 && c != (gunichar)-2 && !is_hidden(c);
}

static void make_printable(char *at, bool keeps_layout)
{
    while (*at != '\0') {
        if (keeps_layout && is_layout(at)) {
            at++;
        } else if (!is_printable(at)) {
            *at++ = '?';
        } else {
            at = g_utf8_next_char(at);
        }
    }
}

void text_make_printable(char *text)
{
    make_printable(text, false);
}

void text_make_lines_printable(char *text)
{
    make_printable(text, true);
}

bool text_is_line(const char *text)
{
    while (*text != '\0' && is_printable(text)) {
        text = g_utf8_next_char(text);
    }
    return *text == '\0';
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

/// Behind the bracket expression that begins at '['; NULL: it has no end.
static const char *skip_brackets(const char *at)
{
    at++;
    at += *at == '!' || *at == '^';
    at += *at == ']'; // the first is one of the characters
    while (*at != '\0' && *at != ']') {
        bool is_class = at[0] == '[' && (at[1] == ':' || at[1] == '.' || at[1] == '=');
        const char end[] = {at[1], ']', '\0'};
        const char *closed = is_class ? strstr(at + 2, end) : NULL;
        at = closed != NULL ? closed + 2 : at + (at[0] == '\\' && at[1] != '\0' ? 2 : 1);
    }
    return *at == ']' ? at + 1 : NULL;
}

bool text_is_pattern(const char *pattern)
{
    const char *at = pattern;
    while (at != NULL && *at != '\0') {
        if (*at == '\\' && at[1] == '\0') {
            return false;
        }
        at = *at == '[' ? skip_brackets(at) : at + (*at == '\\' ? 2 : 1);
    }
    return at != NULL;
}

bool text_is_below(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    bool is_good = *parts != NULL && strlen(path) < PATH_MAX;
    for (char **part = parts; *part != NULL; part++) {
        is_good = is_good && **part != '\0' && strcmp(*part, ".") != 0 && strcmp(*part, "..") != 0;
    }
    return is_good;
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

/// How many letters must be changed, added, removed or exchanged with their neighbour to make `b`
/// of `a` (optimal string alignment), both at most WORD_MAX long.
static unsigned count_edits(const char *a, const char *b)
{
    unsigned rows[WORD_MAX + 1][WORD_MAX + 1];
    size_t len_a = strlen(a), len_b = strlen(b);
    for (size_t i = 0; i <= len_a; i++) {
        for (size_t k = 0; k <= len_b; k++) {
            if (i == 0 || k == 0) {
                rows[i][k] = (unsigned)(i + k);
                continue;
            }
            bool is_same = g_ascii_tolower(a[i - 1]) == g_ascii_tolower(b[k - 1]);
            unsigned change = rows[i - 1][k - 1] + !is_same;
            unsigned move = MIN(rows[i - 1][k], rows[i][k - 1]) + 1;
            rows[i][k] = MIN(change, move);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) {
                rows[i][k] = MIN(rows[i][k], rows[i - 2][k - 2] + 1);
            }
        }
    }
    return rows[len_a][len_b];
}

const char *text_find_nearest(const char *word, const char *const *names)
{
    const char *nearest = NULL;
    size_t len = strlen(word);
    // Of a word of three letters two may not differ, of two none: all would be near.
    unsigned least = len < 3 ? 1 : len < 4 ? 2 : 3;
    for (; len <= WORD_MAX && *names != NULL; names++) {
        unsigned edits = strlen(*names) <= WORD_MAX ? count_edits(word, *names) : least;
        if (edits < least) {
            least = edits;
            nearest = *names;
        }
    }
    return nearest;
}

char *text_suggest(const char *word, const char *const *names)
{
    const char *nearest = text_find_nearest(word, names);
    // That a name is known does not make it right where it is refused.
    return nearest != NULL && strcmp(nearest, word) != 0
               ? g_strdup_printf(" (did you mean '%s'?)", nearest)
               : g_strdup("");
}

static size_t get_columns(gunichar c)
{
    return c == (gunichar)-1 || c == (gunichar)-2 ? 1
           : g_unichar_iszerowidth(c)             ? 0
                                                  : 1 + (size_t)g_unichar_iswide(c);
}

size_t text_get_columns(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

size_t text_find_break(const char *text, size_t width)
{
    size_t used = 0;
    const char *blank = NULL, *at = text;
    while (*at != '\0' && (used <= width || blank == NULL)) {
        gunichar c = g_utf8_get_char_validated(at, -1);
        bool is_valid = c != (gunichar)-1 && c != (gunichar)-2;
        blank = *at == ' ' ? at : blank;
        used += get_columns(c);
        at = is_valid ? g_utf8_next_char(at) : at + 1;
    }
    return used > width && blank != NULL ? (size_t)(blank - text) : strlen(text);
}

void text_append_wrapped(GString *out, const char *text, size_t indent, size_t width)
{
    size_t room = width > indent ? width - indent : 1;
    for (;;) {
        size_t len = text_find_break(text, room);
        g_string_append_len(out, text, (gssize)len);
        g_string_append_c(out, '\n');
        if (text[len] == '\0') {
            return;
        }
        text += len + 1;
        g_string_append_printf(out, "%*s", (int)indent, "");
    }
}

char *text_join_lines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
    GString *joined = g_string_new(NULL);
    for (char **line = lines; *line != NULL; line++) {
        g_strstrip(*line);
        bool is_first = joined->len == 0;
        g_string_append_printf(joined, "%s%s", is_first || **line == '\0' ? "" : "; ", *line);
    }
    return g_string_free(joined, FALSE);
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

unsigned text_parse_version(const char *text)
{
    unsigned parts[3] = {0};
    const char *at = text;
    for (size_t i = 0; i < G_N_ELEMENTS(parts) && g_ascii_isdigit(*at); i++) {
        char *end = NULL;
        parts[i] = (unsigned)MIN(g_ascii_strtoull(at, &end, 10), 999);
        at = *end == '.' ? end + 1 : end;
    }
    return (parts[0] * 1000 + parts[1]) * 1000 + parts[2];
}
