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

static void detect(const root_dir *root, GPtrArray *found, GString *text)
{
    size_t count = 0;
    const struct platform *const *all = platform_list(&count);
    for (size_t i = 0; i < count; i++) {
        g_autofree char *version = NULL;
        if (all[i]->detect(root, &version)) {
            g_string_append_printf(text, "%s: %s%s%s; channels %s\n", all[i]->name, all[i]->title,
                                   *version ? " " : "", version, all[i]->channels);
            const struct printed_platform one = {g_strdup(all[i]->name), g_strdup(all[i]->title),
                                                 g_steal_pointer(&version)};
            g_ptr_array_add(found, g_memdup2(&one, sizeof one));
        }
    }
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
    detect(root, found->platforms, text);
    g_autoptr(json_t) document = record_format(&printed_platforms_record, found, NULL);
    record_free(&printed_platforms_record, found);
    g_autofree char *out =
        options.json ? json_format_document(document)
                     : g_strdup(text->len > 0 ? text->str : "no platform that cpulift knows\n");
    return command_say(out, options.json, text->len > 0 ? EXIT_YES : EXIT_NO);
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
