// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift render: a plan in another cloud's words.
#include "cli/commands.h"
#include "platform/render.h"

static struct {
    char *platform, *version;
} options;

static const GOptionEntry entries[] = {
    {"platform", 'P', 0, G_OPTION_ARG_STRING, &options.platform, "the cloud", "PLATFORM"},
    {"version", 0, 0, G_OPTION_ARG_STRING, &options.version,
     "the cloud's version, where what is printed hangs on it (nova)", "VERSION"},
    {0},
};

static int run(char **arguments, size_t count)
{
    (void)count;
    if (options.platform == NULL) {
        return command_usage("render", "--platform is needed");
    }
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *text = NULL;
    if (plan_load(arguments[0], &plan, &err) != 0 || catalog_load(NULL, &map, &err) != 0 ||
        render_format(plan, map, options.platform, options.version, warnings, &text, &err) != 0) {
        return command_fail(&err);
    }
    for (size_t i = 0; i < warnings->len; i++) {
        command_warn("%s", (const char *)g_ptr_array_index(warnings, i));
    }
    return command_finish(NULL, text, EXIT_YES);
}

static void add_platforms(const char *const *arguments, size_t count, GPtrArray *values)
{
    (void)arguments;
    (void)count;
    render_list(values);
}

static const struct command_values values[] = {
    {.kind = "PLATFORM", .list = add_platforms, .is_in_help = true, .is_closed = true},
    {0},
};

const struct command render_command = {
    .name = "render",
    .arguments = "PLAN",
    .description = "Prints the lines that give the plan's CPU to the guests of a cloud whose files "
                   "'cpulift apply' does not change.",
    .options = entries,
    .min = 1,
    .max = 1,
    .usage = "one plan is needed",
    .values = values,
    .run = run,
};
