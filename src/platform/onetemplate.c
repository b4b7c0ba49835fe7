// SPDX-License-Identifier: LGPL-2.1-or-later
/// Source: src/parsers/template_parser.l and template_syntax.y of OpenNebula/one.
#include "platform/onetemplate.h"

#include <string.h>

static size_t skip_line(const GString *text, size_t at)
{
    while (at < text->len && text->str[at] != '\n') {
        at++;
    }
    return at;
}

/// Past blanks and comments; the ends of lines are blanks, too, where `is_wide`.
static size_t skip_blanks(const GString *text, size_t at, bool is_wide)
{
    while (at < text->len && strchr(is_wide ? " \t\n#" : " \t", text->str[at]) != NULL &&
           text->str[at] != '\0') {
        at = text->str[at] == '#' ? skip_line(text, at) : at + 1;
    }
    return at;
}

/// Behind the string whose first quotation mark is at `at`.
static size_t skip_string(const GString *text, size_t at)
{
    for (at++; at < text->len && text->str[at] != '"'; at++) {
        at += text->str[at] == '\\' && text->str[at + 1] == '"';
    }
    return MIN(at + 1, text->len);
}

static size_t skip_name(const GString *text, size_t at)
{
    while (at < text->len && (g_ascii_isalnum(text->str[at]) || text->str[at] == '_')) {
        at++;
    }
    return at;
}

/// Behind the bracket that closes the vector.
static size_t skip_vector(const GString *text, size_t at)
{
    while (at < text->len && text->str[at] != ']') {
        at = text->str[at] == '"'   ? skip_string(text, at)
             : text->str[at] == '#' ? skip_line(text, at)
                                    : at + 1;
    }
    return MIN(at + 1, text->len);
}

static size_t skip_value(const GString *text, size_t at)
{
    at = skip_blanks(text, at, false);
    size_t end = skip_line(text, at);
    if (g_strstr_len(text->str + at, (gssize)(end - at), "]]>") != NULL) {
        return end; // the rest of CDATA: the whole line
    }
    char first = text->str[at];
    if (first == '[' || first == '"') {
        return first == '[' ? skip_vector(text, at) : skip_string(text, at);
    }
    while (at < end && strchr(" \t#,[]=", text->str[at]) == NULL) {
        at++;
    }
    return at;
}

bool onetemplate_find(const GString *text, const char *name, onetemplate_span *ret_span)
{
    bool is_found = false;
    for (size_t at = skip_blanks(text, 0, true); at < text->len;) {
        size_t start = at, end = skip_name(text, at);
        at = skip_blanks(text, end, false);
        if (end == start || text->str[at] != '=') {
            at = skip_blanks(text, MAX(end, start + 1), true); // no attribute
            continue;
        }
        at = skip_value(text, at + 1);
        if (end - start == strlen(name) &&
            g_ascii_strncasecmp(text->str + start, name, end - start) == 0) {
            *ret_span = (onetemplate_span){start, at};
            is_found = true;
        }
        at = skip_blanks(text, at, true);
    }
    return is_found;
}

char *onetemplate_copy(const GString *text, const char *name)
{
    onetemplate_span span;
    if (!onetemplate_find(text, name, &span)) {
        return NULL;
    }
    GString *copy = g_string_new(NULL);
    for (size_t at = span.start; at < span.end;) {
        size_t end = text->str[at] == '"' ? skip_string(text, at) : at + 1;
        if (text->str[at] == '#') {
            at = skip_line(text, at);
            continue;
        }
        g_string_append_len(copy, text->str + at, (gssize)(end - at));
        at = end;
    }
    return g_string_free(copy, FALSE);
}

char *onetemplate_get_member(const char *attribute, const char *name)
{
    g_autofree char *pattern =
        g_strdup_printf("\\b%s[ \\t]*=[ \\t]*(?|\"([^\"]*)\"|([^\\s\"#,\\[\\]=]+))", name);
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_CASELESS, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    return g_regex_match(regex, attribute, 0, &match) ? g_match_info_fetch(match, 1) : NULL;
}
