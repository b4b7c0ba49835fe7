// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/check.h"

#include "base/text.h"

#include <string.h>

/// All values that an option takes, NULL-terminated; NULL where only the command can judge.
static GPtrArray *list_values(const struct command *command, const GOptionEntry *option)
{
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) kinds = g_strsplit(option->arg_description, "|", -1);
    for (char **kind = kinds; *kind != NULL; kind++) {
        const struct command_values *of_kind = command_find_values(command, *kind);
        if (g_ascii_islower(**kind)) {
            g_ptr_array_add(values, g_strdup(*kind));
        } else if (of_kind != NULL && of_kind->is_closed) {
            of_kind->list(NULL, 0, values);
        } else {
            return NULL;
        }
    }
    g_ptr_array_add(values, NULL);
    return g_steal_pointer(&values);
}

/// "a, b or c". The caller frees it.
static char *join(const char *const *names)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *between = i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ";
        g_string_append_printf(text, "%s%s", between, names[i]);
    }
    return g_string_free(text, FALSE);
}

int check_refuse(const struct command *command, const char *option, const char *value,
                 const char *const *names)
{
    g_autofree char *all = join(names);
    g_autofree char *meant = text_suggest(value, names);
    return command_usage(command->name, "unknown --%s '%s': %s%s", option, value, all, meant);
}

static bool has_empty(char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (*words[i] == '\0') {
            return true;
        }
    }
    return false;
}

static bool is_given_empty(const GOptionEntry *option)
{
    bool is_list = option->arg == G_OPTION_ARG_STRING_ARRAY;
    bool is_word = option->arg == G_OPTION_ARG_STRING || option->arg == G_OPTION_ARG_FILENAME;
    char **words = is_list ? *(char ***)option->arg_data : option->arg_data;
    return (is_list && words != NULL && has_empty(words, g_strv_length(words))) ||
           (is_word && *words != NULL && has_empty(words, 1));
}

int check_empty(const struct command *command, char *const *arguments, size_t count)
{
    for (const GOptionEntry *o = command->options; o->long_name != NULL; o++) {
        if (is_given_empty(o)) {
            return command_usage(command->name, "--%s is given an empty value", o->long_name);
        }
    }
    // What follows the name of a program is the program's.
    return has_empty(arguments, command->is_posix ? MIN(count, 1) : count)
               ? command_usage(command->name, "an argument is empty")
               : 0;
}

static bool is_version(const char *text)
{
    return text_parse_version(text) != 0;
}

/// What can be said of a word by its kind alone, whatever the command.
static const struct {
    const char *kind;
    bool (*fits)(const char *value);
    const char *fault;
} kinds[] = {
    {"PATTERN", text_is_pattern,
     "no pattern: a bracket is not closed, or a backslash ends it (one before it takes its "
     "meaning)"},
    {"VERSION", is_version, "no version: say it as 10.0.2"},
};

static int check_kind(const struct command *command, const GOptionEntry *option,
                      const char *const *words, size_t count)
{
    for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
        for (size_t i = 0; i < count; i++) {
            if (strcmp(option->arg_description, kinds[k].kind) == 0 && !kinds[k].fits(words[i])) {
                return command_usage(command->name, "--%s '%s' is %s", option->long_name, words[i],
                                     kinds[k].fault);
            }
        }
    }
    return 0;
}

int check_values(const struct command *command)
{
    for (const GOptionEntry *o = command->options; o->long_name != NULL; o++) {
        bool is_word = o->arg == G_OPTION_ARG_STRING && *(char **)o->arg_data != NULL;
        bool is_list = o->arg == G_OPTION_ARG_STRING_ARRAY && *(char ***)o->arg_data != NULL;
        const char *const *words = is_list ? *(const char *const **)o->arg_data : o->arg_data;
        size_t count = is_list ? g_strv_length(*(char ***)o->arg_data) : is_word;
        int status = check_kind(command, o, words, count);
        if (status != 0) {
            return status;
        }
        g_autoptr(GPtrArray) values = is_word ? list_values(command, o) : NULL;
        const char *const *names = values != NULL ? (const char *const *)values->pdata : NULL;
        if (names != NULL && !g_strv_contains(names, *(char **)o->arg_data)) {
            return check_refuse(command, o->long_name, *(char **)o->arg_data, names);
        }
    }
    return 0;
}

static bool is_flag(const struct command *command, const char *name)
{
    bool is = strcmp(name, "json") == 0 || strcmp(name, "help") == 0;
    for (const GOptionEntry *o = command->options; o->long_name != NULL; o++) {
        is |= o->arg == G_OPTION_ARG_NONE && strcmp(o->long_name, name) == 0;
    }
    return is;
}

int check_flags(const struct command *command, char *const *words, size_t count)
{
    for (size_t i = 0; i < count && strcmp(words[i], "--") != 0; i++) {
        const char *value = strchr(words[i], '=');
        if (value != NULL && g_str_has_prefix(words[i], "--")) {
            g_autofree char *name = g_strndup(words[i] + 2, (size_t)(value - words[i]) - 2);
            if (is_flag(command, name)) {
                return command_usage(command->name, "--%s takes no value", name);
            }
        }
    }
    return 0;
}

char *check_suggest_option(const struct command *command, const char *message)
{
    const char *word = strstr(message, "--");
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const GOptionEntry *o = command->options; o->long_name != NULL; o++) {
        g_ptr_array_add(names, g_strconcat("--", o->long_name, NULL));
    }
    g_ptr_array_add(names, g_strdup("--json"));
    g_ptr_array_add(names, g_strdup("--help"));
    g_ptr_array_add(names, NULL);
    g_autofree char *name = g_strndup(word != NULL ? word : "", word ? strcspn(word, "=") : 0);
    return text_suggest(name, (const char *const *)names->pdata);
}
