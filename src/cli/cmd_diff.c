// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/json.h"
#include "cli/commands.h"
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

static int load(const char *path, const catalog *map, feature_set *set, cpulift_error **err)
{
    DOCUMENT_AUTO document = {0};
    TRY(document_load(path, map, &document, err));
    return document_get_features(&document, map, options.virt, options.machine, set, err);
}

/// A row for each group of the features that only the document at `path` has.
static void add_rows(table *t, const catalog *map, const char *path, const json_t *only)
{
    if (json_array_size(only) == 0) {
        const char *const cells[] = {path, "", "nothing"};
        table_add(t, cells);
    }
    for (enum feature_group group = 0; group < GROUP_COUNT; group++) {
        g_autofree char *names = document_join_group(map, only, group);
        const char *const cells[] = {path, group_to_string(group), names};
        if (*names != '\0') {
            table_add(t, cells);
        }
    }
}

static char *format(const catalog *map, char **paths, const feature_set *only_a,
                    const feature_set *only_b)
{
    g_autoptr(json_t) document =
        json_pack("{s:s, s:o, s:o}", "schema", "cpulift.diff/1", "only_a",
                  host_format_features(only_a, map), "only_b", host_format_features(only_b, map));
    if (options.json) {
        return json_format_document(document);
    }
    static const char *const headers[] = {"ONLY IN", "GROUP", "FEATURES", NULL};
    g_autoptr(table) t = table_new(headers);
    add_rows(t, map, paths[0], json_object_get(document, "only_a"));
    add_rows(t, map, paths[1], json_object_get(document, "only_b"));
    return table_format(t);
}

static int run(char **paths, size_t count)
{
    (void)count;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    feature_set a = {0}, b = {0};
    if (catalog_load(NULL, &map, &err) != 0 || load(paths[0], map, &a, &err) != 0 ||
        load(paths[1], map, &b, &err) != 0) {
        return command_fail(&err);
    }
    feature_set only_a = feature_set_subtract(a, b);
    feature_set only_b = feature_set_subtract(b, a);
    g_autofree char *text = format(map, paths, &only_a, &only_b);
    return command_finish(NULL, text, feature_set_equal(&a, &b) ? EXIT_YES : EXIT_NO);
}

const struct command diff_command = {
    .name = "diff",
    .arguments = "A B",
    .description =
        "Prints the features that only A or only B has. Each is a host document, a plan, a "
        "<cpu> element or a domain. Exit status 0: the same, 1: they differ.",
    .options = entries,
    .json = &options.json,
    .min = 2,
    .max = 2,
    .usage = "two documents are needed",
    .run = run,
};
