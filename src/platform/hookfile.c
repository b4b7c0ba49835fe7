// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/hookfile.h"

#include <string.h>

/// Each file of data/ has it in one of its first lines, as a comment: the program follows.
static const char mark[] = "Written by 'cpulift apply' for ";

/// So many lines are looked at for what makes a file ours.
#define LINES_MAX 4

/// What files of earlier versions, which bear no mark, have in those lines.
static const char *const former[] = {
    "// For agents 4.14 to 4.20, which run Groovy hooks only: gives the domain to cpulift-hook and "
    "takes",
    "# Rolling maintenance, first stage: can this host run the plan's guests? 70 tells the "
    "management",
    "# Rolling maintenance, first stage: can this host run the plan's guests? Anything but 0 stops "
    "the",
    "# Rolling maintenance: the guests have left this host; put /etc/cpulift/plan-next.json in "
    "force.",
    "# Sourced by kvmrc on a node. The driver starts a guest by `virsh --connect URI create FILE`: "
    "before",
    NULL,
};

/// Hooks of earlier versions were one line, "#!PROGRAM ROLE".
static const char *const roles[] = {"cloudstack", "eucalyptus", "guard", NULL};

static char *find_former_program(const char *bytes)
{
    if (!g_str_has_prefix(bytes, "#!/")) {
        return NULL;
    }
    const char *path = bytes + strlen("#!");
    size_t len = strspn(path, HOOKFILE_PATH_CHARS);
    const char *role = path + len;
    if (*role != ' ' || !g_str_has_suffix(role, "\n")) {
        return NULL;
    }
    g_autofree char *word = g_strndup(role + 1, strlen(role) - 2);
    return g_strv_contains(roles, word) ? g_strndup(path, len) : NULL;
}

/// The program behind the mark, where the line is a comment; NULL: it has no mark.
static char *find_marked_program(const char *line)
{
    const char *text = line + strspn(line, "#/");
    if (text == line || *text != ' ' || !g_str_has_prefix(text + 1, mark)) {
        return NULL;
    }
    const char *path = text + 1 + strlen(mark);
    return g_strndup(path, strspn(path, HOOKFILE_PATH_CHARS));
}

/// The first lines; the last of them is the rest. The caller's.
static char **split(const struct root_file *file)
{
    return g_strsplit(file->bytes != NULL ? file->bytes : "", "\n", LINES_MAX + 1);
}

char *hookfile_find_program(const struct root_file *file)
{
    g_auto(GStrv) lines = split(file);
    char *program = file->exists ? find_former_program(file->bytes) : NULL;
    for (size_t i = 0; program == NULL && i < LINES_MAX && lines[i] != NULL; i++) {
        program = find_marked_program(lines[i]);
    }
    return program;
}

bool hookfile_is_ours(const struct root_file *file)
{
    g_auto(GStrv) lines = split(file);
    g_autofree char *program = hookfile_find_program(file);
    bool is_ours = program != NULL;
    for (size_t i = 0; !is_ours && i < LINES_MAX && lines[i] != NULL; i++) {
        is_ours = g_strv_contains(former, lines[i]);
    }
    return is_ours;
}

/// True where the line, up to its comment, has the command: the words by themselves, or the first
/// one behind a folder.
static bool calls_rewrite(const char *line)
{
    static const char command[] = "cpulift rewrite ";
    for (const char *at = line; *at != '\0'; at++) {
        bool is_begin = at == line || strchr(" \t/|;&(`{", at[-1]) != NULL;
        if (*at == '#' && (at == line || at[-1] == ' ' || at[-1] == '\t')) {
            return false;
        }
        if (is_begin && g_str_has_prefix(at, command)) {
            return true;
        }
    }
    return false;
}

bool hookfile_calls_rewrite(const struct root_file *file)
{
    g_auto(GStrv) lines = g_strsplit(file->bytes != NULL ? file->bytes : "", "\n", -1);
    bool does_call = false;
    for (size_t i = 0; !does_call && lines[i] != NULL; i++) {
        does_call = calls_rewrite(lines[i]);
    }
    return does_call;
}
