// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift rollback: undoes applies below a root, the newest first.
#include "cli/commands.h"
#include "cli/undone.h"
#include "platform/journal.h"

static struct {
    char *root, *to, *connect;
    gboolean commit, one, dry, json;
} options = {.root = (char *)"/"};

static const GOptionEntry entries[] = {
    {"root", 0, 0, G_OPTION_ARG_FILENAME, &options.root, "the node's root folder instead of /",
     "DIR"},
    {"to", 0, 0, G_OPTION_ARG_FILENAME, &options.to, "undo only what was applied after this plan",
     "PLAN"},
    {"one", 0, 0, G_OPTION_ARG_NONE, &options.one, "undo only the newest apply", NULL},
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &options.connect,
     "undo the changes of this libvirt's persistent definitions instead", "URI"},
    {"commit", 0, 0, G_OPTION_ARG_NONE, &options.commit, "undo; without it, only show it", NULL},
    {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &options.dry, "as without --commit", NULL},
    {0},
};

static int run(char **arguments, size_t count)
{
    (void)arguments;
    (void)count;
    if (options.commit && options.dry) {
        return command_usage("rollback", "--commit and --dry-run exclude each other");
    }
    if (options.one && options.to != NULL) {
        return command_usage("rollback", "--one and --to exclude each other");
    }
    if (options.connect != NULL && (options.one || options.to != NULL)) {
        return command_usage("rollback", "--one and --to are of files, not of --connect");
    }
    if (options.connect != NULL) {
        char *argv[10] = {(char *)"cpulift", (char *)"rollback", (char *)"--connect",
                          options.connect,   (char *)"--root",   options.root};
        size_t len = 6;
        argv[len] = options.commit ? (char *)"--commit" : NULL;
        len += options.commit;
        argv[len] = options.json ? (char *)"--json" : NULL;
        return command_execute("cpulift-domains", argv);
    }
    g_autoptr(root_dir) root = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(GPtrArray) actions = NULL;
    g_autoptr(GString) diff = g_string_new(NULL);
    g_autoptr(cpulift_error) err = NULL;
    if (root_open(options.root, &root, &err) != 0 ||
        (options.to != NULL && plan_load(options.to, &plan, &err) != 0)) {
        return command_fail(&err);
    }
    const struct journal_way way = {.is_dry = !options.commit, .is_one = options.one, .to = plan};
    g_autoptr(platform_stores) all = stores_new(root, NULL);
    int rc = journal_rollback(all, &way, &actions, diff, &err);
    if (actions == NULL) {
        return command_fail(&err);
    }
    const struct undone undone = {actions, diff, "Now restart what 'cpulift apply' named.\n",
                                  options.commit};
    g_autofree char *text = undone_format(&undone, options.json);
    int status = command_say(text, options.json, EXIT_YES);
    return rc != 0 ? command_fail(&err) : status;
}

const struct command rollback_command = {
    .name = "rollback",
    .arguments = "",
    .description =
        "Shows what must change to undo every 'cpulift apply --commit' on this node, or the newest "
        "of them, byte for byte; with --commit changes it. A file that somebody else changed "
        "meanwhile, and that has no right answer, is left and named, and the rest "
        "goes on.",
    .options = entries,
    .json = &options.json,
    .run = run,
};
