// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift apply: a plan's CPU into the files of a platform's node.
#include "base/json.h"
#include "cli/commands.h"
#include "config.h"
#include "platform/journal.h"
#include "platform/platform.h"

#include <string.h>

static char *platform_name, *root_path, *version, *channel, *hook, *uri, *domains, *inventory;
static char **only, **skip;
static gboolean commit, strict, json;

static const GOptionEntry options[] = {
    {"platform", 'P', 0, G_OPTION_ARG_STRING, &platform_name,
     "cloudstack, eucalyptus, libvirt or opennebula", "PLATFORM"},
    {"root", 0, 0, G_OPTION_ARG_FILENAME, &root_path, "the node's root folder instead of /", "DIR"},
    {"commit", 0, 0, G_OPTION_ARG_NONE, &commit, "make the change; without it, only show it", NULL},
    {"version", 0, 0, G_OPTION_ARG_STRING, &version,
     "the platform's version, where its files do not tell", "VERSION"},
    {"channel", 0, 0, G_OPTION_ARG_STRING, &channel,
     "another way in: cloudstack rolling; eucalyptus xsl; opennebula native; libvirt guard",
     "CHANNEL"},
    {"only", 0, 0, G_OPTION_ARG_STRING_ARRAY, &only, "hooks tune only guests of these names",
     "PATTERN"},
    {"skip", 0, 0, G_OPTION_ARG_STRING_ARRAY, &skip, "hooks leave guests of these names alone",
     "PATTERN"},
    {"strict", 0, 0, G_OPTION_ARG_NONE, &strict,
     "hooks stop a guest that they cannot tune, where the platform lets them", NULL},
    {"hook", 0, 0, G_OPTION_ARG_FILENAME, &hook, "where the node has the program cpulift-hook",
     "PATH"},
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &uri,
     "for libvirt: change persistent definitions of this libvirt", "URI"},
    {"domains", 0, 0, G_OPTION_ARG_STRING, &domains,
     "with --connect: those of guests of these names", "PATTERN"},
    {"inventory", 0, 0, G_OPTION_ARG_FILENAME, &inventory,
     "for opennebula: check the hosts in what 'onehost list --xml' printed", "FILE"},
    {0},
};

/// On a node that is a folder, the program will be where it is installed; in place, beside us.
static char *find_hook(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self != NULL ? self : ".");
    g_autofree char *beside = g_build_filename(folder, "cpulift-hook", NULL);
    return g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE)
               ? g_steal_pointer(&beside)
               : g_build_filename(CPULIFT_LIBEXECDIR, "cpulift-hook", NULL);
}

static json_t *lines_to_json(const GPtrArray *lines)
{
    return json_new_strings((const char *const *)lines->pdata, lines->len);
}

static char *format_json(const changeset *set, const struct platform_report *report)
{
    g_autoptr(json_t) document = changeset_to_json(set);
    json_object_set_new(document, "version", json_string(report->version));
    json_object_set_new(document, "committed", json_boolean(commit));
    json_object_set_new(document, "before", lines_to_json(report->before));
    json_object_set_new(document, "after", lines_to_json(report->after));
    json_object_set_new(document, "effects", lines_to_json(report->effects));
    json_object_set_new(document, "limits", lines_to_json(report->limits));
    return json_format_document(document);
}

static void format_lines(GString *out, const char *title, const GPtrArray *lines)
{
    if (lines->len > 0) {
        g_string_append_printf(out, "%s:\n", title);
    }
    for (size_t i = 0; i < lines->len; i++) {
        g_string_append_printf(out, "  - %s\n", (const char *)g_ptr_array_index(lines, i));
    }
}

static char *format_text(const struct platform *platform, const changeset *set,
                         const struct platform_report *report, const root_dir *root)
{
    g_autofree char *diff = changeset_format_diff(set);
    GString *out = g_string_new(diff);
    g_string_append_printf(out, "%s%s%s at '%s/': ", platform->title, *report->version ? " " : "",
                           report->version, root->path);
    if (set->changes->len == 0) {
        g_string_append(out, "nothing to change\n");
    } else {
        g_string_append_printf(out, "%u %s %s\n", set->changes->len,
                               set->changes->len == 1 ? "file" : "files",
                               commit ? "changed" : "would change");
    }
    format_lines(out, "Before --commit", report->before);
    format_lines(out, "Then", report->after);
    format_lines(out, "What takes effect when", report->effects);
    format_lines(out, "What this version cannot express", report->limits);
    if (!commit && set->changes->len > 0) {
        g_string_append(out, "Nothing was changed; --commit does it.\n");
    }
    return g_string_free(out, FALSE);
}

static int apply(const struct platform *platform, const char *plan_path, char **ret_text,
                 cpulift_error **err)
{
    g_autoptr(root_dir) root = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(changeset) set = changeset_new(platform->name);
    g_autofree char *hook_path = hook != NULL ? g_strdup(hook) : find_hook();
    struct platform_report *report = platform_report_new();
    const struct platform_options how = {.version = version,
                                         .channel = channel,
                                         .hook = hook_path,
                                         .only = (const char *const *)only,
                                         .skip = (const char *const *)skip,
                                         .inventory = inventory,
                                         .is_strict = strict};
    int rc = plan_load(plan_path, &plan, err);
    rc = rc != 0 ? rc : root_open(root_path != NULL ? root_path : "/", &root, err);
    rc = rc != 0 || !commit ? rc : journal_recover(root, err);
    rc = rc != 0 ? rc : platform->plan(root, plan, &how, set, report, err);
    rc = rc != 0 || !commit ? rc : changeset_apply(set, root, err);
    if (rc == 0) {
        *ret_text = json ? format_json(set, report) : format_text(platform, set, report, root);
    }
    platform_report_free(report);
    return rc;
}

/// True when the platform has the channel, or none was asked for.
static bool has_channel(const struct platform *platform)
{
    g_auto(GStrv) channels = g_strsplit(platform->channels, ", ", -1);
    return channel == NULL || g_strv_contains((const char *const *)channels, channel);
}

/// Definitions are libvirt's: the program that loads it changes them.
static int apply_to_domains(char *plan_path)
{
    char *argv[16] = {(char *)"cpulift", (char *)"apply", plan_path, (char *)"--connect", uri};
    size_t count = 5;
    const struct {
        const char *option;
        char *value;
    } valued[] = {{"--root", root_path}, {"--domains", domains}};
    for (size_t i = 0; i < G_N_ELEMENTS(valued); i++) {
        if (valued[i].value != NULL) {
            argv[count++] = (char *)valued[i].option;
            argv[count++] = valued[i].value;
        }
    }
    if (commit) {
        argv[count++] = (char *)"--commit";
    }
    if (json) {
        argv[count++] = (char *)"--json";
    }
    return command_execute("cpulift-domains", argv);
}

static int run(char **arguments, size_t count)
{
    (void)count;
    if (platform_name == NULL) {
        return command_usage("apply", "--platform is needed");
    }
    const struct platform *platform = platform_find(platform_name);
    if (platform == NULL) {
        return command_usage("apply", "'%s' is no platform that can be applied to", platform_name);
    }
    if (!has_channel(platform)) {
        return command_usage("apply", "'%s' is no channel of %s, which has: %s", channel,
                             platform_name, platform->channels);
    }
    if ((uri != NULL || domains != NULL) && (uri == NULL || platform != &libvirt_platform)) {
        return command_usage("apply", "--domains needs --connect, and both --platform libvirt");
    }
    if (uri != NULL) {
        return apply_to_domains(arguments[0]);
    }
    g_autofree char *text = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (apply(platform, arguments[0], &text, &err) != 0) {
        return command_fail(&err);
    }
    return command_finish(NULL, text, EXIT_YES);
}

const struct command apply_command = {
    .name = "apply",
    .arguments = "PLAN",
    .description =
        "Shows what must change on a platform's node so that its guests get the plan's CPU; with "
        "--commit changes it: all files or none, with a journal for 'cpulift rollback'.",
    .options = options,
    .json = &json,
    .min = 1,
    .max = 1,
    .usage = "one plan is needed",
    .run = run,
};
