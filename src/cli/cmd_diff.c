// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/commands.h"
#include "cli/differences.h"
#include "cli/document.h"
#include "cli/table.h"
#include "core/machine.h"

static struct {
    char *virt, *machine;
    gboolean json;
} options;

static const GOptionEntry entries[] = {
    {"virt", 0, 0, G_OPTION_ARG_STRING, &options.virt, "of a host: this virt type",
     MACHINE_VIRT_WORDS},
    {"machine", 0, 0, G_OPTION_ARG_STRING, &options.machine, "of a host: this machine type",
     MACHINE_WORDS "|MACHINE"},
    {0},
};

/// A row for each group of the features that only the document at `path` has.
static void add_rows(table *t, const catalog *map, const char *path, const json_t *only)
{
    if (json_array_size(only) == 0) {
        const char *const cells[] = {path, "", "nothing"};
        table_add(t, cells);
    }
    g_auto(GStrv) groups = document_join_groups(map, only);
    for (enum feature_group group = 0; group < GROUP_COUNT; group++) {
        const char *const cells[] = {path, group_to_string(group), groups[group]};
        if (*groups[group] != '\0') {
            table_add(t, cells);
        }
    }
}

static char *format(const catalog *map, char **paths, const compare_side *a, const compare_side *b,
                    GPtrArray *differences)
{
    if (options.json) {
        return differences_format_json(a, b, differences);
    }
    g_autoptr(json_t) only_a = differences_list_only(a, b);
    g_autoptr(json_t) only_b = differences_list_only(b, a);
    static const char *const headers[] = {"ONLY IN", "GROUP", "FEATURES", NULL};
    g_autoptr(table) t = table_new(headers);
    add_rows(t, map, paths[0], only_a);
    add_rows(t, map, paths[1], only_b);
    g_autofree char *features = table_format(t);
    g_autofree char *rest = differences_format(differences, paths[0], paths[1], false);
    return g_strconcat(features, *rest != '\0' ? "\n" : "", rest, NULL);
}

static int load(const char *path, const catalog *map, struct document *document, compare_side *side,
                cpulift_error **err)
{
    TRY(document_load(path, map, document, err));
    return document_take_side(document, path, map, options.virt, options.machine, side, err);
}

static int run(char **paths, size_t count)
{
    (void)count;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    DOCUMENT_AUTO first = {0};
    DOCUMENT_AUTO second = {0};
    g_auto(compare_side) a = {0}, b = {0};
    if (catalog_load(NULL, &map, &err) != 0 || load(paths[0], map, &first, &a, &err) != 0 ||
        load(paths[1], map, &second, &b, &err) != 0) {
        return command_fail(&err);
    }
    g_autoptr(GPtrArray) differences = compare_sides(&a, &b);
    g_autofree char *text = format(map, paths, &a, &b, differences);
    return command_say(text, options.json, differences->len == 0 ? EXIT_YES : EXIT_NO);
}

const struct command diff_command = {
    .name = "diff",
    .arguments = "A B",
    .description =
        "Prints the features that only A or only B has, and what else they differ in: model, "
        "signature, address width, machine, versions … Each is a host document, a plan, a <cpu> "
        "element or a domain. Exit status 0: the same, 1: they differ.",
    .options = entries,
    .json = &options.json,
    .min = 2,
    .max = 2,
    .usage = "two documents are needed",
    .run = run,
};
