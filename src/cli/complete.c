// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

/// Kinds that are files or folders; any other that nobody knows is completed with nothing.
static const struct {
    const char *kind, *ask;
} file_kinds[] = {
    {"A", ":files"},         {"ARGUMENT", ":files"},        {"B", ":files"},
    {"COMMAND", ":files"},   {"DIR", ":folders"},           {"DOMAIN.xml", ":files xml"},
    {"FILE", ":files"},      {"HOST", ":files json jsonl"}, {"PATH", ":files"},
    {"PLAN", ":files json"}, {"SAMPLES", ":files json"},
};

/// A line that is being typed.
struct line {
    const struct command *command;
    GPtrArray *arguments; ///< borrowed: those that are complete
    const char *begun;    ///< of the value that is asked for
    const char *before;   ///< what stands before it in the same word: "--virt=" or ""
};

static void print_value(const struct line *line, const char *value)
{
    if (g_str_has_prefix(value, line->begun)) {
        printf("%s%s\n", line->before, value);
    }
}

static void print_values(const struct line *line, void (*list)(const char *const *arguments,
                                                               size_t count, GPtrArray *values))
{
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
    list((const char *const *)line->arguments->pdata, line->arguments->len, values);
    for (size_t i = 0; i < values->len; i++) {
        print_value(line, g_ptr_array_index(values, i));
    }
}

/// "Haswell,+av": what stands before the last item is kept as it is.
static void print_more(const struct line *line, const struct command_values *values)
{
    const char *item = strrchr(line->begun, ',') + 1;
    item += *item == '+' || *item == '-';
    g_autofree char *before =
        g_strdup_printf("%s%.*s", line->before, (int)(item - line->begun), line->begun);
    const struct line rest = {line->command, line->arguments, item, before};
    print_values(&rest, values->list_more);
}

static void print_kind(const struct line *line, const char *kind)
{
    const struct command_values *v = command_find_values(line->command, kind);
    if (v != NULL && v->list_more != NULL && strchr(line->begun, ',') != NULL) {
        print_more(line, v);
    } else if (v != NULL) {
        print_values(line, v->list);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(file_kinds); i++) {
        if (strcmp(file_kinds[i].kind, kind) == 0) {
            puts(file_kinds[i].ask);
        }
    }
}

/// `kinds` as they stand in tables and usage lines: "kvm|qemu", "[FEATURE|HOST]", "HOST…".
static void print_kinds(const struct line *line, const char *kinds)
{
    g_auto(GStrv) each = g_strsplit_set(kinds, "|[]", -1);
    for (char **kind = each; *kind != NULL; kind++) {
        char *dots = strstr(*kind, "…");
        if (dots != NULL) {
            *dots = '\0';
        }
        if (g_ascii_islower(**kind)) {
            print_value(line, *kind);
        } else if (**kind != '\0') {
            print_kind(line, *kind);
        }
    }
}

static void print_option(const struct line *line, const char *name, const char *what)
{
    g_autofree char *word = g_strdup_printf("--%s", name);
    if (g_str_has_prefix(word, line->begun)) {
        printf("%s\t%s\n", word, what);
    }
}

/// The option of the table that `word` begins with or is, where it takes a value; else NULL.
static const GOptionEntry *find_option(const struct command *command, const char *word)
{
    for (const GOptionEntry *o = command->options; o->long_name != NULL; o++) {
        size_t len = strlen(o->long_name);
        bool is_long = g_str_has_prefix(word, "--") && strncmp(word + 2, o->long_name, len) == 0 &&
                       (word[2 + len] == '\0' || word[2 + len] == '=');
        bool is_short =
            o->short_name != 0 && word[0] == '-' && word[1] == o->short_name && word[2] == '\0';
        if (o->arg != G_OPTION_ARG_NONE && (is_long || is_short)) {
            return o;
        }
    }
    return NULL;
}

/// What may follow can hang on what was said before: a list of values finds it where a run would.
static void take_value(const GOptionEntry *option, char *value)
{
    if (option->arg == G_OPTION_ARG_STRING) {
        *(char **)option->arg_data = value;
    }
}

/// An option that stands already. It is returned where its value follows as a word of its own.
static const GOptionEntry *take_option(const struct command *command, char *word)
{
    const GOptionEntry *option = find_option(command, word);
    char *equals = strchr(word, '=');
    if (option != NULL && equals != NULL) {
        take_value(option, equals + 1);
    }
    return equals == NULL ? option : NULL;
}

/// The argument that is asked for, by its place in the usage line; the last may be given again.
static void print_argument(const struct line *line)
{
    g_auto(GStrv) kinds = g_strsplit(line->command->arguments, " ", -1);
    size_t len = g_strv_length(kinds), at = line->arguments->len;
    size_t first = len > 0 && strcmp(kinds[0], "--") == 0;
    if (first + at < len) {
        print_kinds(line, kinds[first + at]);
    } else if (len > 0 && strstr(kinds[len - 1], "…") != NULL) {
        print_kinds(line, kinds[len - 1]);
    }
}

static void print_options(const struct line *line)
{
    for (const GOptionEntry *o = line->command->options; o->long_name != NULL; o++) {
        print_option(line, o->long_name, o->description);
    }
    if (line->command->json != NULL) {
        print_option(line, "json", COMMAND_JSON_TEXT);
    }
    print_option(line, "help", "describe the command");
}

void complete_print(const struct command *command, char **words, size_t count)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    struct line line = {command, arguments, words[count - 1], ""};
    const GOptionEntry *open = NULL; ///< waits for its value
    bool has_ended = false;
    for (size_t i = 0; i + 1 < count; i++) {
        bool is_option = open == NULL && !has_ended && words[i][0] == '-' && words[i][1] != '\0';
        if (is_option) {
            has_ended = strcmp(words[i], "--") == 0;
            open = take_option(command, words[i]);
        } else if (open != NULL) {
            take_value(open, words[i]);
            open = NULL;
        } else {
            g_ptr_array_add(arguments, words[i]);
            has_ended |= command->is_posix;
        }
    }
    const char *equals = strchr(line.begun, '=');
    if (open != NULL) {
        print_kinds(&line, open->arg_description);
    } else if (has_ended || line.begun[0] != '-') {
        print_argument(&line);
    } else if (equals == NULL) {
        print_options(&line);
    } else if ((open = find_option(command, line.begun)) != NULL) {
        g_autofree char *before = g_strndup(line.begun, (gsize)(equals + 1 - line.begun));
        line.before = before;
        line.begun = equals + 1;
        print_kinds(&line, open->arg_description);
    }
}
