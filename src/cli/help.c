// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/help.h"

#include "base/text.h"

#include <string.h>
#include <unistd.h>

/// Where the descriptions of options begin.
#define COLUMN 28
/// Where no terminal says another.
#define WIDTH 80
/// Narrower terminals break the lines themselves.
#define WIDTH_MIN 60

static size_t get_width(void)
{
    size_t columns = text_get_columns(STDOUT_FILENO);
    return columns > 0 ? MAX(columns, WIDTH_MIN) : WIDTH;
}

void help_print_text(const char *text, FILE *to)
{
    g_autoptr(GString) out = g_string_new(NULL);
    text_append_wrapped(out, text, 0, get_width());
    fputs(out->str, to);
}

/// The description of an option, with its values where they are few. The caller frees it.
static char *describe(const struct command *command, const GOptionEntry *option)
{
    const struct command_values *v = command_find_values(command, option->arg_description);
    if (v == NULL || !v->is_in_help) {
        return g_strdup(option->description);
    }
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
    v->list(NULL, 0, values);
    g_ptr_array_add(values, NULL);
    g_autofree char *joined = g_strjoinv(", ", (char **)values->pdata);
    return g_strdup_printf("%s: %s", option->description, joined);
}

static void append_option(GString *out, const GOptionEntry *option, const char *description)
{
    g_autofree char *letter =
        option->short_name != 0 ? g_strdup_printf("-%c,", option->short_name) : g_strdup("   ");
    const char *value = option->arg_description;
    g_autofree char *left = g_strdup_printf("  %s --%s%s%s", letter, option->long_name,
                                            value != NULL ? "=" : "", value != NULL ? value : "");
    // A long one has a line of its own.
    bool is_long = g_utf8_strlen(left, -1) + 2 > COLUMN;
    g_string_append_printf(out, "%s%s%*s", left, is_long ? "\n" : "",
                           is_long ? COLUMN : COLUMN - (int)g_utf8_strlen(left, -1), "");
    text_append_wrapped(out, description, COLUMN, get_width());
}

void help_print(const struct command *command)
{
    const GOptionEntry json = {.long_name = "json"}, help = {"help", 'h', 0, 0, NULL, NULL, NULL};
    g_autoptr(GString) out = g_string_new(NULL);
    g_string_append_printf(out, "Usage: cpulift %s [OPTION…]%s%s\n\n", command->name,
                           *command->arguments != '\0' ? " " : "", command->arguments);
    text_append_wrapped(out, command->description, 0, get_width());
    g_string_append(out, "\nOptions:\n");
    for (const GOptionEntry *o = command->options; o->long_name != NULL; o++) {
        g_autofree char *description = describe(command, o);
        append_option(out, o, description);
    }
    if (command->json != NULL) {
        append_option(out, &json, COMMAND_JSON_TEXT);
    }
    append_option(out, &help, "print this");
    fputs(out->str, stdout);
}
