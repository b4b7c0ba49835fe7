// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift detect: which platforms a node belongs to.
#include "base/json.h"
#include "cli/commands.h"
#include "cli/printed.h"
#include "platform/platform.h"

static struct {
    char *root;
    gboolean json;
} options = {.root = (char *)"/"};

static const GOptionEntry entries[] = {
    {"root", 0, 0, G_OPTION_ARG_FILENAME, &options.root, "the node's root folder instead of /",
     "DIR"},
    {0},
};

/// Adds the platform if it is there.
static int detect(const struct platform *platform, const root_dir *root, GPtrArray *found,
                  GString *text, cpulift_error **err)
{
    g_autofree char *version = NULL;
    bool is_there = false;
    TRY(platform->detect(root, &is_there, &version, err));
    version = version != NULL ? version : g_strdup("");
    if (is_there) {
        g_string_append_printf(text, "%s: %s%s%s; channels %s\n", platform->name, platform->title,
                               *version ? " " : "", version, platform->channels);
        const struct printed_platform one = {g_strdup(platform->name), g_strdup(platform->title),
                                             g_steal_pointer(&version)};
        g_ptr_array_add(found, g_memdup2(&one, sizeof one));
    }
    return 0;
}

static int run(char **arguments, size_t count)
{
    (void)arguments;
    (void)count;
    g_autoptr(root_dir) root = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (root_open(options.root, &root, &err) != 0) {
        return command_fail(&err);
    }
    g_autoptr(GString) text = g_string_new(NULL);
    struct printed_platforms *found = record_new(&printed_platforms_record);
    size_t known = 0;
    const struct platform *const *all = platform_list(&known);
    int failed = 0;
    for (size_t i = 0; i < known; i++) {
        // One that cannot be looked for does not hide the others.
        if (detect(all[i], root, found->platforms, text, &err) != 0) {
            failed = command_fail(&err);
        }
    }
    g_autoptr(json_t) document = record_format(&printed_platforms_record, found, NULL);
    record_free(&printed_platforms_record, found);
    g_autofree char *out =
        options.json ? json_format_document(document)
                     : g_strdup(text->len > 0 || failed != 0 ? text->str
                                                             : "no platform that cpulift knows\n");
    int status = command_say(out, options.json, text->len > 0 ? EXIT_YES : EXIT_NO);
    return failed != 0 ? failed : status;
}

const struct command detect_command = {
    .name = "detect",
    .arguments = "",
    .description = "Says which platforms' files this node has, in which version, and the channels "
                   "of 'cpulift apply' for them. Exit status 1 when there is none.",
    .options = entries,
    .json = &options.json,
    .run = run,
};
