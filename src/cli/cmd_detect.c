// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift detect: which platforms a node belongs to.
#include "base/json.h"
#include "cli/commands.h"
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

static json_t *detect(const root_dir *root, GString *text)
{
    json_t *found = json_array();
    size_t count = 0;
    const struct platform *const *all = platform_list(&count);
    for (size_t i = 0; i < count; i++) {
        g_autofree char *version = NULL;
        if (all[i]->detect(root, &version)) {
            json_array_append_new(found, json_pack("{s:s, s:s, s:s}", "platform", all[i]->name,
                                                   "title", all[i]->title, "version", version));
            g_string_append_printf(text, "%s: %s%s%s; channels %s\n", all[i]->name, all[i]->title,
                                   *version ? " " : "", version, all[i]->channels);
        }
    }
    return found;
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
    json_t *found = detect(root, text);
    int status = json_array_size(found) > 0 ? EXIT_YES : EXIT_NO;
    g_autoptr(json_t) document =
        json_pack("{s:s, s:o}", "schema", "cpulift.platforms/1", "platforms", found);
    g_autofree char *out =
        options.json ? json_format_document(document)
                     : g_strdup(text->len > 0 ? text->str : "no platform that cpulift knows\n");
    return command_say(out, options.json, status);
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
