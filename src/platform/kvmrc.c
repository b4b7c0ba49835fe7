// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/kvmrc.h"

#include <string.h>

/// What a word of the shell's own does where a command can begin.
enum word_kind {
    WORD_OPENS,  ///< a compound command
    WORD_CLOSES, ///< it
    WORD_LEADS,  ///< a command follows
    WORD_ENDS,   ///< the file, but in a function
    WORD_EXITS,  ///< the shell: in a function, too, which may be called
};

static const struct {
    const char *word;
    enum word_kind kind;
    char open; ///< what it opens or closes
} words[] = {
    {"!", WORD_LEADS, 0},        {"case", WORD_OPENS, 'c'},  {"do", WORD_LEADS, 0},
    {"done", WORD_CLOSES, 'l'},  {"elif", WORD_LEADS, 0},    {"else", WORD_LEADS, 0},
    {"esac", WORD_CLOSES, 'c'},  {"exit", WORD_EXITS, 0},    {"fi", WORD_CLOSES, 'i'},
    {"for", WORD_OPENS, 'l'},    {"if", WORD_OPENS, 'i'},    {"return", WORD_ENDS, 0},
    {"select", WORD_OPENS, 'l'}, {"then", WORD_LEADS, 0},    {"time", WORD_LEADS, 0},
    {"until", WORD_OPENS, 'l'},  {"while", WORD_OPENS, 'l'}, {"{", WORD_OPENS, '{'},
    {"}", WORD_CLOSES, '{'},
};

/// What a shell is in the midst of. `open` has, outermost first, '"', '`', '(' of a subshell or
/// list, 'a' of each parenthesis in arithmetic, '$' of a parameter in braces, and of compound
/// commands what `words` has.
struct scan {
    const char *text, *at;
    GString *open;
    GPtrArray *documents; ///< char *: the ends of here-documents that begin at the next newline; a
                          ///< tab before it where they may be indented
    gsize function;       ///< so much is open with the body of a function; 0: there is none
    bool is_command;      ///< a command can begin here
    bool is_bound;        ///< what follows hangs on what stands before it
    bool is_operator;     ///< an operator was the last
    bool has_ended;       ///< from here on nothing surely runs
    bool is_lost;         ///< nothing more can be said
};

static char get_open(const struct scan *scan)
{
    const char *open = scan->open->str;
    return open[scan->open->len > 0 ? scan->open->len - 1 : 0];
}

static void close_one(struct scan *scan, char kind)
{
    scan->is_lost |= get_open(scan) != kind;
    g_string_truncate(scan->open, scan->open->len - (scan->open->len > 0));
}

/// Passes over the rest of a single-quoted string; in one of $'…' a backslash quotes too.
static void skip_string(struct scan *scan, bool has_escapes)
{
    for (; *scan->at != '\0' && *scan->at != '\''; scan->at++) {
        scan->at += has_escapes && *scan->at == '\\' && scan->at[1] != '\0';
    }
    scan->is_lost |= *scan->at == '\0';
    scan->at += *scan->at != '\0';
}

/// Behind "<<": notes where the here-document ends.
static void note_document(struct scan *scan)
{
    bool is_indented = *scan->at == '-';
    scan->at += is_indented;
    scan->at += strspn(scan->at, " \t");
    size_t len = strcspn(scan->at, " \t\n;|&<>()");
    GString *end = g_string_new(is_indented ? "\t" : "");
    for (size_t i = 0; i < len; i++) {
        g_string_append_len(end, &scan->at[i], strchr("\"'\\", scan->at[i]) == NULL);
    }
    scan->at += len;
    g_ptr_array_add(scan->documents, g_string_free(end, FALSE));
}

/// Passes over the here-documents that begin at this line.
static void skip_documents(struct scan *scan)
{
    for (guint i = 0; i < scan->documents->len; i++) {
        const char *end = scan->documents->pdata[i];
        bool is_indented = *end == '\t', is_found = false;
        while (!is_found && *scan->at != '\0') {
            const char *line = scan->at + (is_indented ? strspn(scan->at, "\t") : 0);
            size_t len = strcspn(line, "\n");
            is_found =
                strlen(end + is_indented) == len && strncmp(line, end + is_indented, len) == 0;
            scan->at = line + len + (line[len] == '\n');
        }
        scan->is_lost |= !is_found;
    }
    g_ptr_array_set_size(scan->documents, 0);
}

static const char *skip_back(const struct scan *scan, const char *at, const char *set, bool is_not)
{
    while (at > scan->text && (strchr(set, at[-1]) != NULL) != is_not) {
        at--;
    }
    return at;
}

/// True where a brace that opens here begins the body of a function: what ends it does not end the
/// file.
static bool is_body(const struct scan *scan)
{
    static const char word[] = "function";
    const char *at = skip_back(scan, scan->at, " \t\n", false);
    if (at > scan->text && at[-1] == ')') {
        at = skip_back(scan, at - 1, " \t", false);
        return at > scan->text && at[-1] == '(';
    }
    at = skip_back(scan, skip_back(scan, at, " \t\n;|&()", true), " \t", false);
    size_t len = strlen(word);
    return (size_t)(at - scan->text) >= len && strncmp(at - len, word, len) == 0;
}

static void note_word(struct scan *scan, enum word_kind kind, char open)
{
    bool is_subshell = strchr(scan->open->str, '(') != NULL;
    bool is_within = scan->function != 0 || is_subshell;
    bool begins_function = open == '{' && kind == WORD_OPENS && !is_within && is_body(scan);
    // A subshell that ends is not the file that ends.
    scan->has_ended |= (kind == WORD_ENDS && !is_within) || (kind == WORD_EXITS && !is_subshell);
    if (kind == WORD_OPENS) {
        g_string_append_c(scan->open, open);
    } else if (kind == WORD_CLOSES) {
        close_one(scan, open);
    }
    scan->function = begins_function                    ? scan->open->len
                     : scan->open->len < scan->function ? 0
                                                        : scan->function;
    scan->is_command = kind == WORD_LEADS || kind == WORD_OPENS;
    scan->is_operator = false;
}

/// A word that means something to the shell, where a command can begin; a brace opens anywhere.
static bool read_word(struct scan *scan)
{
    size_t len = strcspn(scan->at, " \t\n;|&<>()");
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        bool is_brace = strcmp(words[i].word, "{") == 0;
        if (strlen(words[i].word) == len && strncmp(scan->at, words[i].word, len) == 0 &&
            (scan->is_command || is_brace)) {
            note_word(scan, words[i].kind, words[i].open);
            scan->at += len;
            return true;
        }
    }
    return false;
}

static void read_newline(struct scan *scan)
{
    scan->at++;
    skip_documents(scan);
    scan->is_lost |= get_open(scan) == 'a'; // may be two subshells
    scan->is_command = true;
    scan->is_bound &= scan->is_operator;
}

/// && and || and | bind what follows, ; and & end what stands before.
static void read_operator(struct scan *scan)
{
    bool is_double = scan->at[0] == scan->at[1];
    scan->is_bound = scan->at[0] == '|' || (scan->at[0] == '&' && is_double);
    scan->is_operator = scan->is_bound;
    scan->is_command = true;
    scan->at += is_double ? 2 : 1;
}

static void read_parenthesis(struct scan *scan)
{
    char open = get_open(scan);
    bool is_arithmetic = open == 'a' || scan->at[1] == '(';
    if (*scan->at == '(') {
        g_string_append_c(scan->open, is_arithmetic ? 'a' : '(');
    } else if (open == '(' || open == 'a') {
        close_one(scan, open);
    } else {
        scan->is_lost |= open != 'c'; // it ends a pattern
    }
    scan->at++;
    scan->is_command = true;
    scan->is_operator = false;
}

/// True where `at` is where a word begins.
static bool is_word_start(const struct scan *scan)
{
    return scan->at == scan->text || strchr(" \t\n;|&()`", scan->at[-1]) != NULL;
}

/// One step outside of strings.
static void step_plain(struct scan *scan)
{
    bool is_start = is_word_start(scan), is_sum = get_open(scan) == 'a';
    char c = *scan->at;
    if (c == '#' && is_start && !is_sum) {
        scan->at += strcspn(scan->at, "\n");
    } else if (c == '\n') {
        read_newline(scan);
    } else if (c == ' ' || c == '\t') {
        scan->at++;
    } else if (c == '(' || c == ')') {
        read_parenthesis(scan);
    } else if ((c == ';' || c == '|' || c == '&') && !is_sum) {
        read_operator(scan);
    } else if (c == '<' && scan->at[1] == '<' && !is_sum) {
        bool is_string = scan->at[2] == '<';
        scan->at += is_string ? 3 : 2;
        (is_string ? (void)0 : note_document(scan));
    } else if (!is_start || is_sum || get_open(scan) == '`' || !read_word(scan)) {
        scan->at++;
        scan->is_command = false;
        scan->is_operator = false;
    }
}

/// What means the same in strings and outside: escapes, and what opens and closes.
static bool step_common(struct scan *scan)
{
    char c = *scan->at, open = get_open(scan);
    bool is_string = open == '"';
    if (c == '\\' && scan->at[1] == '\n') { // as if neither stood there
        scan->at += 2;
        return true;
    }
    if (c == '\\') {
        scan->at += scan->at[1] != '\0' ? 2 : 1;
    } else if (c == '"') {
        is_string ? close_one(scan, '"') : (void)g_string_append_c(scan->open, '"');
        scan->at++;
    } else if (c == '`') {
        open == '`' ? close_one(scan, '`') : (void)g_string_append_c(scan->open, '`');
        scan->at++;
    } else if (c == '$' && scan->at[1] == '{') {
        g_string_append_c(scan->open, '$');
        scan->at += 2;
    } else if (c == '$' && scan->at[1] == '(' && is_string) {
        g_string_append_c(scan->open, '(');
        scan->at += 2;
    } else if (c == '}' && open == '$') {
        close_one(scan, '$');
        scan->at++;
    } else if (c == '\'' && !is_string) {
        bool has_escapes = scan->at > scan->text && scan->at[-1] == '$';
        scan->at++;
        skip_string(scan, has_escapes);
    } else {
        return false;
    }
    scan->is_command = false;
    scan->is_operator = false;
    return true;
}

/// True where a line that begins here is a command by itself, which runs.
static bool is_plain(const struct scan *scan)
{
    return scan->open->len == 0 && scan->documents->len == 0 && scan->is_command &&
           !scan->is_bound && !scan->has_ended && !scan->is_lost;
}

/// Reads on to the next line that is a command by itself, or to the end: then NULL.
static const char *find_plain_line(struct scan *scan)
{
    while (*scan->at != '\0') {
        bool is_line = scan->at == scan->text || scan->at[-1] == '\n';
        const char *line = scan->at;
        bool is_found = is_line && is_plain(scan);
        char open = get_open(scan);
        if (!step_common(scan)) {
            open == '"' || open == '$' ? (void)scan->at++ : step_plain(scan);
        }
        if (is_found) {
            return line;
        }
    }
    return NULL;
}

static struct scan begin(const char *text)
{
    return (struct scan){.text = text,
                         .at = text,
                         .open = g_string_new(NULL),
                         .documents = g_ptr_array_new_with_free_func(g_free),
                         .is_command = true};
}

static void end(struct scan *scan)
{
    g_string_free(scan->open, TRUE);
    g_ptr_array_unref(scan->documents);
}

bool kvmrc_runs(const char *text, const char *line)
{
    struct scan scan = begin(text);
    bool runs = false;
    for (const char *at = find_plain_line(&scan); at != NULL && !runs;
         at = find_plain_line(&scan)) {
        runs = g_str_has_prefix(at, line);
    }
    end(&scan);
    return runs;
}

void kvmrc_add(GString *text, const char *line)
{
    if (kvmrc_runs(text->str, line)) {
        return;
    }
    gssize len = (gssize)text->len;
    g_string_append(text, text->len > 0 && text->str[text->len - 1] != '\n' ? "\n" : "");
    g_string_append(text, line);
    if (!kvmrc_runs(text->str, line)) {
        bool has_interpreter = g_str_has_prefix(text->str, "#!");
        const char *second = has_interpreter ? strchr(text->str, '\n') : NULL;
        g_string_truncate(text, (gsize)len);
        g_string_insert(text, second != NULL ? second + 1 - text->str : 0, line);
    }
}
