// SPDX-License-Identifier: LGPL-2.1-or-later
/// Source: src/parsers/template_parser.l and template_syntax.y of OpenNebula/one. The lexer is
/// made by flex: the longest match counts, and a byte that no rule takes is passed over.
#include "platform/onetemplate.h"

#include <stdbool.h>
#include <string.h>

#define BLANKS    "\t "
#define SPACES    "\t \n"
#define NO_STRING SPACES "=#,[]" // what ends a value without quotation marks

enum kind {
    TOKEN_END,
    TOKEN_VARIABLE,
    TOKEN_EQUAL,
    TOKEN_EMPTY, ///< an equals sign and the end of the line: the value is empty
    TOKEN_COMMA,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_STRING,
    TOKEN_CDATA, ///< the rest of a line with "]]>" in it: the parser gives up
};

static const char *const kinds[] = {
    [TOKEN_END] = "the end of the file",
    [TOKEN_VARIABLE] = "a name",
    [TOKEN_EQUAL] = "an equals sign",
    [TOKEN_EMPTY] = "an equals sign and no value",
    [TOKEN_COMMA] = "a comma",
    [TOKEN_OPEN] = "an opening bracket",
    [TOKEN_CLOSE] = "a closing bracket",
    [TOKEN_STRING] = "a value",
    [TOKEN_CDATA] = "a line with \"]]>\"",
};

struct lexer {
    const char *text, *path;
    size_t len;
    enum kind kind;        ///< of the token at hand
    size_t start, end;     ///< where it stands
    bool is_value;         ///< behind an equals sign other rules hold
    bool has_open_comment; ///< a comment without an end of line was met, which is none
    size_t line_end;       ///< of the line that was asked for last
    size_t cdata;          ///< the "]]>" that was found last
};

/// How many bytes from `at` on are of `set`, or, where `is_not`, are not.
static size_t span(const struct lexer *lexer, size_t at, const char *set, bool is_not)
{
    size_t end = at;
    while (end < lexer->len && (strchr(set, lexer->text[end]) != NULL) != is_not) {
        end++;
    }
    return end - at;
}

static size_t span_name(const struct lexer *lexer, size_t at)
{
    size_t end = at;
    while (end < lexer->len && (g_ascii_isalnum(lexer->text[end]) || lexer->text[end] == '_')) {
        end++;
    }
    return end - at;
}

/// The string in quotation marks that begins at `at`, 0 where none does. A mark behind a backslash
/// ends it only where no later one can.
static size_t span_quoted(const struct lexer *lexer, size_t at)
{
    size_t best = 0;
    if (at >= lexer->len || lexer->text[at] != '"') {
        return 0;
    }
    for (size_t i = at + 1; i < lexer->len; i++) {
        if (lexer->text[i] == '"') {
            best = i + 1 - at;
            if (lexer->text[i - 1] != '\\') {
                break;
            }
        }
    }
    return best;
}

/// The bracket at `at` and the blanks around it; 0 where there is none.
static size_t span_open(const struct lexer *lexer, size_t at)
{
    size_t bracket = at + span(lexer, at, BLANKS, false);
    return bracket < lexer->len && lexer->text[bracket] == '['
               ? bracket + 1 + span(lexer, bracket + 1, SPACES, false) - at
               : 0;
}

/// How many bytes from `at` on the line has. A line of many tokens is looked through once, as the
/// places that are asked for only grow.
static size_t span_line(struct lexer *lexer, size_t at)
{
    if (at >= lexer->line_end) {
        const char *end = memchr(lexer->text + at, '\n', lexer->len - at);
        lexer->line_end = end != NULL ? (size_t)(end - lexer->text) : lexer->len;
    }
    return lexer->line_end - at;
}

static size_t span_cdata(struct lexer *lexer, size_t at)
{
    static const char mark[] = "]]>";
    size_t line = span_line(lexer, at);
    if (at > lexer->cdata) {
        const char *found = memmem(lexer->text + at, lexer->len - at, mark, sizeof mark - 1);
        lexer->cdata = found != NULL ? (size_t)(found - lexer->text) : lexer->len;
    }
    return lexer->cdata + sizeof mark - 1 <= at + line ? line : 0;
}

/// Takes the longest of the values at the lexer's place, of two the first; false: there is none.
static bool take_value(struct lexer *lexer)
{
    const struct {
        size_t len;
        enum kind kind;
    } found[] = {
        {span_open(lexer, lexer->end), TOKEN_OPEN},
        {span_cdata(lexer, lexer->end), TOKEN_CDATA},
        {span_quoted(lexer, lexer->end), TOKEN_STRING},
        {span(lexer, lexer->end, NO_STRING, true), TOKEN_STRING},
    };
    size_t best = 0;
    for (size_t i = 1; i < G_N_ELEMENTS(found); i++) {
        best = found[i].len > found[best].len ? i : best;
    }
    lexer->kind = found[best].kind;
    lexer->start = lexer->end;
    lexer->end += found[best].len;
    return found[best].len > 0;
}

/// Takes what stands at the lexer's place, behind all blanks; false: no token.
static bool take_other(struct lexer *lexer)
{
    char first = lexer->text[lexer->start];
    size_t name = span_name(lexer, lexer->start);
    size_t blanks = span(lexer, lexer->start + 1, BLANKS, false);
    lexer->end = lexer->start + MAX(name, 1);
    lexer->kind = first == ',' ? TOKEN_COMMA : first == ']' ? TOKEN_CLOSE : TOKEN_VARIABLE;
    if (first == '=') {
        lexer->end += blanks;
        bool is_empty = lexer->end < lexer->len && lexer->text[lexer->end] == '\n';
        lexer->kind = is_empty ? TOKEN_EMPTY : TOKEN_EQUAL;
    } else if (first == '#') {
        size_t line = span_line(lexer, lexer->start);
        bool is_comment = lexer->start + line < lexer->len;
        lexer->end = is_comment ? lexer->start + line + 1 : lexer->end;
        lexer->has_open_comment |= !is_comment;
    }
    return name > 0 || strchr("=,]", first) != NULL;
}

/// Goes on to the next token.
static void next(struct lexer *lexer)
{
    bool is_taken = false;
    while (!is_taken) {
        lexer->start = lexer->end;
        lexer->start += lexer->is_value ? 0 : span(lexer, lexer->start, SPACES, false);
        if (lexer->start >= lexer->len) {
            lexer->end = lexer->start;
            lexer->kind = TOKEN_END;
            return;
        }
        is_taken = lexer->is_value ? take_value(lexer) : take_other(lexer);
        lexer->end += lexer->is_value && !is_taken;
    }
    lexer->is_value = lexer->kind == TOKEN_EQUAL;
}

static int refuse(const struct lexer *lexer, cpulift_error **err)
{
    unsigned line = 1;
    for (size_t i = 0; i < lexer->start; i++) {
        line += lexer->text[i] == '\n';
    }
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "'%s' line %u: OpenNebula cannot read on from here (%s); mend it first", lexer->path, line,
        lexer->has_open_comment ? "a comment without an end of line is none" : kinds[lexer->kind]);
}

/// Goes on, if the token at hand is of this kind.
static int expect(struct lexer *lexer, enum kind kind, cpulift_error **err)
{
    if (lexer->kind != kind) {
        return refuse(lexer, err);
    }
    next(lexer);
    return 0;
}

static char *copy_name(const struct lexer *lexer)
{
    return g_ascii_strup(lexer->text + lexer->start, (gssize)(lexer->end - lexer->start));
}

/// The value at hand without its quotation marks. A first mark that no second one ends is a part
/// of it.
static char *copy_value(const struct lexer *lexer)
{
    size_t len = lexer->end - lexer->start;
    bool is_quoted = len > 0 && len == span_quoted(lexer, lexer->start);
    GString *value = g_string_new_len(lexer->text + lexer->start + is_quoted,
                                      (gssize)(len - (is_quoted ? 2 : 0)));
    g_string_replace(value, "\\\"", "\"", 0);
    return g_string_free(value, FALSE);
}

/// NAME = VALUE, of which the first of a name counts.
static int parse_member(struct lexer *lexer, GHashTable *members, cpulift_error **err)
{
    g_autofree char *name = copy_name(lexer);
    TRY(expect(lexer, TOKEN_VARIABLE, err));
    TRY(expect(lexer, TOKEN_EQUAL, err));
    if (lexer->kind == TOKEN_STRING && !g_hash_table_contains(members, name)) {
        g_hash_table_insert(members, g_steal_pointer(&name), copy_value(lexer));
    }
    return expect(lexer, TOKEN_STRING, err);
}

static int parse_vector(struct lexer *lexer, onetemplate_attribute *attribute, cpulift_error **err)
{
    attribute->members = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    TRY(expect(lexer, TOKEN_OPEN, err));
    while (lexer->kind != TOKEN_CLOSE) {
        bool is_first = g_hash_table_size(attribute->members) == 0;
        TRY(is_first ? 0 : expect(lexer, TOKEN_COMMA, err));
        TRY(parse_member(lexer, attribute->members, err));
    }
    attribute->end = lexer->end;
    return expect(lexer, TOKEN_CLOSE, err);
}

static int parse_attribute(struct lexer *lexer, onetemplate_attribute *attribute,
                           cpulift_error **err)
{
    attribute->name = copy_name(lexer);
    attribute->start = lexer->start;
    TRY(expect(lexer, TOKEN_VARIABLE, err));
    if (lexer->kind == TOKEN_EMPTY) {
        attribute->value = g_strdup("");
        attribute->end = lexer->end;
        return expect(lexer, TOKEN_EMPTY, err);
    }
    TRY(expect(lexer, TOKEN_EQUAL, err));
    if (lexer->kind == TOKEN_OPEN) {
        return parse_vector(lexer, attribute, err);
    }
    attribute->value = copy_value(lexer);
    attribute->end = lexer->end;
    return expect(lexer, TOKEN_STRING, err);
}

static void attribute_free(void *data)
{
    onetemplate_attribute *attribute = data;
    g_free(attribute->name);
    g_free(attribute->value);
    g_clear_pointer(&attribute->members, g_hash_table_unref);
    g_free(attribute);
}

int onetemplate_parse(const GString *text, const char *path, GPtrArray **ret_attributes,
                      cpulift_error **err)
{
    struct lexer lexer = {.text = text->str, .len = text->len, .path = path};
    g_autoptr(GPtrArray) attributes = g_ptr_array_new_with_free_func(attribute_free);
    if (memchr(text->str, '\0', text->len) != NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' has a NUL byte: it is no text", path);
    }
    for (next(&lexer); lexer.kind != TOKEN_END;) {
        onetemplate_attribute *attribute = g_new0(onetemplate_attribute, 1);
        g_ptr_array_add(attributes, attribute);
        TRY(parse_attribute(&lexer, attribute, err));
    }
    *ret_attributes = g_steal_pointer(&attributes);
    return 0;
}

const onetemplate_attribute *onetemplate_find(const GPtrArray *attributes, const char *name)
{
    for (size_t i = attributes->len; i-- > 0;) {
        const onetemplate_attribute *attribute = attributes->pdata[i];
        if (strcmp(attribute->name, name) == 0) {
            return attribute;
        }
    }
    return NULL;
}

static bool is_equal(const onetemplate_attribute *a, const onetemplate_attribute *b)
{
    if (strcmp(a->name, b->name) != 0 || g_strcmp0(a->value, b->value) != 0 ||
        (a->members == NULL) != (b->members == NULL)) {
        return false;
    }
    if (a->members == NULL) {
        return true;
    }
    GHashTableIter iter;
    void *name = NULL, *value = NULL;
    g_hash_table_iter_init(&iter, a->members);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        if (g_strcmp0(g_hash_table_lookup(b->members, name), value) != 0) {
            return false;
        }
    }
    return g_hash_table_size(a->members) == g_hash_table_size(b->members);
}

/// The next attribute from *i on that has another name; NULL: there is none.
static const onetemplate_attribute *find_other(const GPtrArray *attributes, size_t *i,
                                               const char *name)
{
    while (*i < attributes->len) {
        const onetemplate_attribute *attribute = attributes->pdata[(*i)++];
        if (strcmp(attribute->name, name) != 0) {
            return attribute;
        }
    }
    return NULL;
}

static bool has_same_others(const GPtrArray *a, const GPtrArray *b, const char *name)
{
    size_t at_a = 0, at_b = 0;
    const onetemplate_attribute *in_a = NULL, *in_b = NULL;
    do {
        in_a = find_other(a, &at_a, name);
        in_b = find_other(b, &at_b, name);
        if ((in_a == NULL) != (in_b == NULL) || (in_a != NULL && !is_equal(in_a, in_b))) {
            return false;
        }
    } while (in_a != NULL);
    return true;
}

int onetemplate_set(GString *text, const char *path, const char *name, const char *assignment,
                    cpulift_error **err)
{
    g_autoptr(GPtrArray) before = NULL;
    g_autoptr(GPtrArray) after = NULL;
    g_autoptr(GString) edited = g_string_new_len(text->str, (gssize)text->len);
    TRY(onetemplate_parse(text, path, &before, err));
    const onetemplate_attribute *there = onetemplate_find(before, name);
    if (there != NULL) {
        g_string_erase(edited, (gssize)there->start, (gssize)(there->end - there->start));
        g_string_insert(edited, (gssize)there->start, assignment);
    } else {
        bool is_open = text->len > 0 && text->str[text->len - 1] != '\n';
        g_string_append_printf(edited, "%s%s\n", is_open ? "\n" : "", assignment);
    }
    if (onetemplate_parse(edited, path, &after, NULL) != 0 ||
        !has_same_others(before, after, name)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' cannot take %s: a comment or a string in it does not end, "
                                 "and OpenNebula would read its other settings otherwise; end it",
                                 path, name);
    }
    g_string_assign(text, edited->str);
    return 0;
}
