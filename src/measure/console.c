// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/console.h"

#include "base/text.h"

#include <string.h>

#define MARK         "@cpulift "
#define COMMANDS_MAX 16

static void free_command(void *item)
{
    struct console_command *command = item;
    g_free(command->output);
    g_free(command->said);
    g_free(command);
}

static struct console_command *add_command(GPtrArray *commands)
{
    struct console_command *command = g_new0(struct console_command, 1);
    command->status = -1;
    command->output = g_strdup("");
    command->said = g_strdup("");
    g_ptr_array_add(commands, command);
    return command;
}

/// "end N STATUS WALL CPU". False when it is not that.
static bool parse_end(const char *line, struct console_command *command)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 6);
    guint64 status;
    if (g_strv_length(words) != 5 || !text_to_uint(words[2], 255, &status)) {
        return false;
    }
    command->status = (int)status;
    command->wall = g_ascii_strtod(words[3], NULL);
    command->cpu = g_ascii_strtod(words[4], NULL);
    return true;
}

/// Takes a line of ours; `output` is what the command printed so far. Returns the command that goes
/// on, or NULL.
static struct console_command *take_mark(GPtrArray *commands, const char *line,
                                         struct console_command *current, GString *output,
                                         bool *is_done)
{
    if (g_str_has_prefix(line, "begin ") && commands->len < COMMANDS_MAX) {
        g_string_truncate(output, 0);
        return add_command(commands);
    }
    if (g_str_has_prefix(line, "said ") && current != NULL) {
        g_free(current->said);
        current->said = g_strdup(line + strlen("said "));
        text_make_printable(current->said);
        return current;
    }
    if (g_str_has_prefix(line, "end ") && current != NULL && parse_end(line, current)) {
        g_free(current->output);
        current->output = g_strdup(output->str);
        return NULL;
    }
    *is_done |= strcmp(line, "done") == 0;
    return current;
}

GPtrArray *console_parse(const char *text, bool *ret_is_done)
{
    GPtrArray *commands = g_ptr_array_new_with_free_func(free_command);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GString) output = g_string_new(NULL);
    struct console_command *current = NULL;
    bool is_done = false;
    for (char **line = lines; *line != NULL; line++) {
        g_strchomp(*line);
        if (g_str_has_prefix(*line, MARK)) {
            current = take_mark(commands, *line + strlen(MARK), current, output, &is_done);
        } else if (current != NULL) {
            g_string_append_printf(output, "%s\n", *line);
        }
    }
    if (ret_is_done != NULL) {
        *ret_is_done = is_done;
    }
    return commands;
}
