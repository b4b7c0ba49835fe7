// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/xmltext.h"

#include <string.h>

/// Markup whose inside is no markup. Longer openings stand before those they begin with.
static const struct {
    const char *open, *close;
} opaque[] = {
    {"<!--", "-->"},
    {"<![CDATA[", "]]>"},
    {"<?", "?>"},
};

static bool starts_with(const char *text, size_t at, size_t to, const char *prefix)
{
    size_t len = strlen(prefix);
    return to - at >= len && memcmp(text + at, prefix, len) == 0;
}

/// The offset after the comment, CDATA section or instruction at `at`; `at` itself if none stands
/// there, `to` if it does not end.
static size_t skip_opaque(const char *text, size_t at, size_t to)
{
    for (size_t i = 0; i < G_N_ELEMENTS(opaque); i++) {
        if (starts_with(text, at, to, opaque[i].open)) {
            size_t inside = at + strlen(opaque[i].open);
            const char *close =
                memmem(text + inside, to - inside, opaque[i].close, strlen(opaque[i].close));
            return close != NULL ? (size_t)(close - text) + strlen(opaque[i].close) : to;
        }
    }
    return at;
}

/// The offset after the '>' of the tag at `at`, which attribute values may contain too; 0 if it
/// does not end.
static size_t skip_tag(const char *text, size_t at, size_t to)
{
    for (size_t i = at; i < to; i++) {
        if (text[i] == '>') {
            return i + 1;
        }
        if (text[i] == '"' || text[i] == '\'') {
            const char *quote = memchr(text + i + 1, text[i], to - i - 1);
            if (quote == NULL) {
                return 0;
            }
            i = (size_t)(quote - text);
        }
    }
    return 0;
}

static void add_element(GArray *elements, const char *text, size_t start, size_t open_end)
{
    size_t name_len = 0;
    while (!xmltext_is_blank(text[start + 1 + name_len]) &&
           strchr("/>", text[start + 1 + name_len]) == NULL) {
        name_len++;
    }
    struct xmltext_element element = {
        .start = start,
        .name_len = name_len,
        .open_end = open_end,
        .close_start = open_end,
        .end = open_end,
    };
    g_array_append_val(elements, element);
}

/// Takes the tag [at, after) into account. False for an end tag without its start.
static bool take_tag(GArray *elements, const char *text, size_t at, size_t after, size_t *depth)
{
    if (text[at + 1] != '/') {
        if (*depth == 0) {
            add_element(elements, text, at, after);
        }
        *depth += text[after - 2] != '/';
        return true;
    }
    if (*depth == 0) {
        return false;
    }
    if (--*depth == 0) {
        struct xmltext_element *last =
            &g_array_index(elements, struct xmltext_element, elements->len - 1);
        last->close_start = at;
        last->end = after;
    }
    return true;
}

GArray *xmltext_find_elements(const char *text, size_t from, size_t to)
{
    g_autoptr(GArray) elements = g_array_new(FALSE, FALSE, sizeof(struct xmltext_element));
    size_t depth = 0;
    while (from < to) {
        const char *markup = memchr(text + from, '<', to - from);
        if (markup == NULL) {
            break;
        }
        size_t at = (size_t)(markup - text);
        from = skip_opaque(text, at, to);
        if (from == at) {
            from = skip_tag(text, at, to);
            if (from == 0 || text[at + 1] == '!' || !take_tag(elements, text, at, from, &depth)) {
                return NULL;
            }
        }
    }
    return depth == 0 ? g_steal_pointer(&elements) : NULL;
}

static size_t skip_blanks(const char *text, size_t at, size_t to)
{
    while (at < to && xmltext_is_blank(text[at])) {
        at++;
    }
    return at;
}

bool xmltext_find_attribute(const char *text, const struct xmltext_element *element, size_t from,
                            struct xmltext_attribute *ret_attribute)
{
    size_t to = element->open_end;
    struct xmltext_attribute found = {.start = MAX(from, element->start + 1 + element->name_len)};
    found.name = skip_blanks(text, found.start, to);
    size_t at = found.name;
    while (at < to && !xmltext_is_blank(text[at]) && strchr("=/>", text[at]) == NULL) {
        at++;
    }
    found.name_len = at - found.name;
    at = skip_blanks(text, at, to);
    if (found.name_len == 0 || at >= to || text[at] != '=') {
        return false;
    }
    at = skip_blanks(text, at + 1, to);
    const char *quote = at < to ? memchr(text + at + 1, text[at], to - at - 1) : NULL;
    if (quote == NULL) {
        return false;
    }
    found.end = (size_t)(quote - text) + 1;
    *ret_attribute = found;
    return true;
}
