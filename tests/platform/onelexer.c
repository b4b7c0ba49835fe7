// SPDX-License-Identifier: LGPL-2.1-or-later
/// Sources: flex's manual ("how the input is matched": the longest text, of two the first rule;
/// what none takes is copied to the output), and the rules of OpenNebula's
/// src/parsers/template_parser.l and template_syntax.y.
#include "onelexer.h"

#include <string.h>

enum { BLANK, NAME, EQUAL, NOTHING, COMMA, OPEN, CLOSE, VALUE, QUOTED, CDATA, END };

static const struct {
    bool is_value; ///< in flex's state VALUE
    int token;
    const char *pattern;
} rules[] = {
    {false, BLANK, "[ \\t]*#.*\\n"},
    {false, BLANK, "[ \\t\\n]+"},
    {false, NAME, "[A-Za-z0-9_]+"},
    {false, EQUAL, "[ \\t]*=[ \\t]*"},
    {false, NOTHING, "[ \\t]*=[ \\t]*\\n"},
    {false, COMMA, "[ \\t\\n]*,[ \\t\\n]*"},
    {false, CLOSE, "[ \\t\\n]*\\][ \\t\\n]*"},
    {true, OPEN, "[ \\t]*\\[[ \\t\\n]*"},
    {true, CDATA, ".*\\]\\]>.*"},
    {true, QUOTED, "\"(?:\\\\\"|[^\"])*\""},
    {true, VALUE, "[^=# \\t\\n,\\[\\]]+"},
};

static GRegex *get_regex(size_t i)
{
    static GRegex *made[G_N_ELEMENTS(rules)];
    if (made[i] == NULL) {
        made[i] = g_regex_new(rules[i].pattern, G_REGEX_RAW | G_REGEX_NEWLINE_LF,
                              G_REGEX_MATCH_ANCHORED | G_REGEX_MATCH_NEWLINE_LF, NULL);
        g_assert(made[i] != NULL);
    }
    return made[i];
}

struct reader {
    const char *text;
    bool is_value;
    int token;
    char *word; ///< of the token at hand
};

static void next(struct reader *reader)
{
    do {
        int best = -1, longest = 0;
        for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
            g_autoptr(GMatchInfo) match = NULL;
            int from = 0, to = 0;
            if (rules[i].is_value == reader->is_value &&
                g_regex_match(get_regex(i), reader->text, 0, &match) &&
                g_match_info_fetch_pos(match, 0, &from, &to) && to > longest) {
                best = (int)i;
                longest = to;
            }
        }
        g_free(reader->word);
        reader->word = g_strndup(reader->text, (gsize)longest);
        reader->token = best >= 0 ? rules[best].token : *reader->text == '\0' ? END : BLANK;
        if (reader->token == QUOTED) { // the lexer's action takes the marks off
            reader->token = VALUE;
            reader->word[longest - 1] = '\0';
            memmove(reader->word, reader->word + 1, (size_t)longest - 1);
        }
        reader->text += best >= 0 ? longest : *reader->text != '\0';
        reader->is_value = reader->token == EQUAL || (reader->is_value && reader->token == BLANK);
    } while (reader->token == BLANK);
}

/// Leaves the token, and gives what it said, the caller's; NULL where it is of another kind.
static char *take(struct reader *reader, int token)
{
    char *word = reader->token == token ? g_strdup(reader->word) : NULL;
    if (word != NULL) {
        next(reader);
    }
    return word;
}

static bool skip(struct reader *reader, int token)
{
    g_autofree char *word = take(reader, token);
    return word != NULL;
}

/// unescape() of the grammar. Frees `word`.
static char *unescape(char *word)
{
    GString *value = g_string_new(word);
    g_string_replace(value, "\\\"", "\"", 0);
    g_free(word);
    return g_string_free(value, FALSE);
}

static bool read_members(struct reader *reader, GString *said)
{
    g_autoptr(GHashTable) members = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    while (reader->token != CLOSE) {
        bool is_first = g_hash_table_size(members) == 0;
        g_autofree char *name = is_first || skip(reader, COMMA) ? take(reader, NAME) : NULL;
        char *value = name != NULL && skip(reader, EQUAL) ? take(reader, VALUE) : NULL;
        if (value == NULL) {
            return false;
        }
        g_autofree char *upper = g_ascii_strup(name, -1);
        g_autofree char *text = unescape(value);
        if (!g_hash_table_contains(members, upper)) { // map::insert
            g_hash_table_insert(members, g_steal_pointer(&upper), g_steal_pointer(&text));
        }
    }
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(members), (GCompareFunc)strcmp);
    for (GList *item = names; item != NULL; item = item->next) {
        const char *value = g_hash_table_lookup(members, item->data);
        g_string_append_printf(said, "[%s=%s]", (const char *)item->data, value);
    }
    return skip(reader, CLOSE);
}

static bool read_attribute(struct reader *reader, GHashTable *settings)
{
    g_autoptr(GString) said = g_string_new(NULL);
    g_autofree char *name = take(reader, NAME);
    bool is_read = name != NULL;
    if (is_read && !skip(reader, NOTHING)) {
        is_read = skip(reader, EQUAL);
        if (is_read && skip(reader, OPEN)) {
            g_string_append(said, "vector ");
            is_read = read_members(reader, said);
        } else {
            char *value = is_read ? take(reader, VALUE) : NULL;
            g_autofree char *text = value != NULL ? unescape(value) : NULL;
            is_read = text != NULL;
            g_string_append(said, is_read ? text : "");
        }
    }
    if (is_read) { // of several the last: oned keeps its drivers' settings so
        g_hash_table_replace(settings, g_ascii_strup(name, -1), g_strdup(said->str));
    }
    return is_read;
}

bool onelexer_read(const char *text, GHashTable **ret_settings)
{
    GHashTable *settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    struct reader reader = {.text = text};
    bool is_read = true;
    for (next(&reader); is_read && reader.token != END;) {
        is_read = read_attribute(&reader, settings);
    }
    g_free(reader.word);
    *ret_settings = settings;
    return is_read;
}
