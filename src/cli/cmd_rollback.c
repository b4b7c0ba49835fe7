// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift rollback: undoes applies below a root, the newest first.
#include "cli/commands.h"
#include "cli/libvirt_store.h"
#include "cli/undone.h"
#include "platform/followed.h"
#include "platform/journal.h"

static struct {
    char *root, *to, *connect;
    gboolean commit, one, forget, dry, json;
} options = {.root = (char *)"/"};

static const GOptionEntry entries[] = {
    {"root", 0, 0, G_OPTION_ARG_FILENAME, &options.root, "the node's root folder instead of /",
     "DIR"},
    {"to", 0, 0, G_OPTION_ARG_FILENAME, &options.to, "undo only what was applied after this plan",
     "PLAN"},
    {"one", 0, 0, G_OPTION_ARG_NONE, &options.one, "undo only the newest apply", NULL},
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &options.connect,
     "undo only the changes of this libvirt's persistent definitions", "URI"},
    {"forget", 0, 0, G_OPTION_ARG_NONE, &options.forget,
     "with --connect: that libvirt is gone for good; forget its changes without asking it", NULL},
    {"commit", 0, 0, G_OPTION_ARG_NONE, &options.commit, "undo; without it, only show it", NULL},
    {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &options.dry, "as without --commit", NULL},
    {0},
};

/// What is wrong with the options beside each other; NULL: nothing.
static const char *check_options(void)
{
    return options.commit && options.dry               ? "--commit and --dry-run exclude each other"
           : options.one && options.to != NULL         ? "--one and --to exclude each other"
           : options.forget && options.connect == NULL ? "--forget needs --connect"
                                                       : NULL;
}

/// The libvirt that alone is meant; *ret_only is the caller's.
static int add_only(struct stores *all, store_key **ret_only, cpulift_error **err)
{
    const virt_conn *conn = NULL;
    if (options.forget) {
        *ret_only = libvirt_store_add_gone(all, options.connect);
        return 0;
    }
    return libvirt_store_add(all, options.connect, ret_only, &conn, err);
}

/// What came back need not have the seal that is asked for now.
static void warn_of_plan(const root_dir *root)
{
    g_autoptr(GPtrArray) whys = g_ptr_array_new_with_free_func(g_free);
    plan_free(followed_load(root, whys).plan);
    for (size_t i = 0; i < whys->len; i++) {
        command_warn("hooks take no plan now: %s", (const char *)whys->pdata[i]);
    }
}

static int run(char **arguments, size_t count)
{
    (void)arguments;
    (void)count;
    const char *wrong = check_options();
    if (wrong != NULL) {
        return command_usage("rollback", "%s", wrong);
    }
    g_autoptr(root_dir) root = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(GPtrArray) actions = NULL;
    g_autoptr(GString) diff = g_string_new(NULL);
    g_autoptr(cpulift_error) err = NULL;
    store_key *only = NULL;
    if (root_open(options.root, &root, &err) != 0 ||
        (options.to != NULL && plan_load(options.to, &plan, &err) != 0)) {
        return command_fail(&err);
    }
    g_autoptr(platform_stores) all = stores_new(root, libvirt_store_open);
    if (options.connect != NULL && add_only(all, &only, &err) != 0) {
        return command_fail(&err);
    }
    if (options.commit) {
        command_begin_change();
    }
    const struct journal_way way = {
        .is_dry = !options.commit, .is_one = options.one, .to = plan, .only = only};
    int rc = journal_rollback(all, &way, &actions, diff, &err);
    record_free(&store_key_record, only);
    if (actions == NULL) {
        return command_fail(&err);
    }
    const struct undone undone = {
        actions, diff,
        options.connect != NULL ? "" : "Now restart what 'cpulift apply' named, if anything.\n",
        options.commit};
    g_autofree char *text = undone_format(&undone, options.json);
    if (options.commit) {
        warn_of_plan(root);
    }
    int status = options.commit ? command_say_changed(text, options.json, EXIT_YES)
                                : command_say(text, options.json, EXIT_YES);
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
