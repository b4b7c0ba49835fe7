// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift status: what is in force on a node, and which guests started untuned.
#include "base/json.h"
#include "cli/commands.h"
#include "cli/libvirt_store.h"
#include "platform/state.h"

static struct {
    char *root, *plan;
    gboolean json;
} options = {.root = (char *)"/"};

static const GOptionEntry entries[] = {
    {"root", 0, 0, G_OPTION_ARG_FILENAME, &options.root, "the node's root folder instead of /",
     "DIR"},
    {"plan", 0, 0, G_OPTION_ARG_FILENAME, &options.plan,
     "hold the installed plan against this one, the one in git", "FILE"},
    {0},
};

/// What could not be asked is no answer.
static int complain(const GPtrArray *unasked)
{
    int status = EXIT_FAILED;
    for (size_t i = 0; i < unasked->len; i++) {
        g_autoptr(cpulift_error) err = NULL;
        cpulift_error_set(&err, CPULIFT_EREMOTE, "%s", (const char *)unasked->pdata[i]);
        status = command_fail(&err);
    }
    return status;
}

static int run(char **arguments, size_t count)
{
    (void)arguments;
    (void)count;
    g_autoptr(root_dir) root = NULL;
    g_autoptr(node_state) state = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    if (root_open(options.root, &root, &err) != 0) {
        return command_fail(&err);
    }
    g_autoptr(platform_stores) all = stores_new(root, libvirt_store_open);
    if ((options.plan != NULL && plan_load(options.plan, &plan, &err) != 0) ||
        state_read(all, plan, &state, &err) != 0) {
        return command_fail(&err);
    }
    g_autoptr(json_t) json = record_format(&state_record, state, NULL);
    g_autofree char *text = options.json ? json_format_document(json) : state_format(state);
    int status = command_say(text, options.json, state_is_good(state) ? EXIT_YES : EXIT_NO);
    return state->unasked->len > 0 ? complain(state->unasked) : status;
}

const struct command status_command = {
    .name = "status",
    .arguments = "",
    .description =
        "Says which plan is installed on this node, whether each file and each guest's definition "
        "is still as 'cpulift apply' left it (exit status 1 when not), and how many guests the "
        "hooks let start untuned, and why; with --plan also what guests see otherwise than under "
        "that plan (exit status 1).",
    .options = entries,
    .json = &options.json,
    .run = run,
};
