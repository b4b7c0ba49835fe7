// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift rollback: undoes every apply below a root.
#include "base/json.h"
#include "cli/commands.h"
#include "platform/journal.h"

static char *root_path, *uri;
static gboolean dry, json;

static const GOptionEntry options[] = {
    {"root", 0, 0, G_OPTION_ARG_FILENAME, &root_path, "the node's root folder instead of /", "DIR"},
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &uri,
     "undo the changes of this libvirt's persistent definitions instead", "URI"},
    {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry, "only say what would be done", NULL},
    {0},
};

static char *format(const GPtrArray *actions)
{
    if (json) {
        g_autoptr(json_t) document =
            json_pack("{s:b, s:o}", "done", !dry, "actions",
                      json_new_strings((const char *const *)actions->pdata, actions->len));
        return json_format_document(document);
    }
    GString *out = g_string_new(actions->len == 0 ? "nothing to undo\n" : "");
    for (size_t i = 0; i < actions->len; i++) {
        g_string_append_printf(out, "/%s\n", (const char *)g_ptr_array_index(actions, i));
    }
    return g_string_free(out, FALSE);
}

static int run(char **arguments, size_t count)
{
    (void)arguments;
    (void)count;
    if (uri != NULL) {
        char *argv[] = {(char *)"cpulift",
                        (char *)"rollback",
                        (char *)"--connect",
                        uri,
                        (char *)"--root",
                        root_path != NULL ? root_path : (char *)"/",
                        dry ? (char *)"--dry-run" : NULL,
                        NULL};
        return command_execute("cpulift-domains", argv);
    }
    g_autoptr(root_dir) root = NULL;
    g_autoptr(GPtrArray) actions = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (root_open(root_path != NULL ? root_path : "/", &root, &err) != 0 ||
        journal_rollback(root, dry, &actions, &err) != 0) {
        return command_fail(&err);
    }
    g_autofree char *text = format(actions);
    return command_finish(NULL, text, EXIT_YES);
}

const struct command rollback_command = {
    .name = "rollback",
    .arguments = "",
    .description =
        "Undoes every 'cpulift apply --commit' on this node, byte for byte, newest first; when "
        "somebody else changed a file meanwhile and there is no right answer, nothing is undone. "
        "Then restart what 'cpulift apply' named.",
    .options = options,
    .json = &json,
    .run = run,
};
