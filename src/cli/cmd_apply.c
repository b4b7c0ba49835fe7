// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift apply: a plan's CPU into the files of a platform's node and its guests' definitions.
#include "base/json.h"
#include "cli/check.h"
#include "cli/commands.h"
#include "cli/guests.h"
#include "cli/libvirt_store.h"
#include "config.h"
#include "platform/followed.h"
#include "platform/journal.h"
#include "platform/platform.h"

#include <string.h>

static struct {
    char *platform, *root, *version, *channel, *hook, *connect, *domains, *inventory;
    char **only, **skip;
    gboolean commit, dry, strict, respect, json;
} options = {.root = (char *)"/"};

static const GOptionEntry entries[] = {
    {"platform", 'P', 0, G_OPTION_ARG_STRING, &options.platform, "what the node belongs to",
     "PLATFORM"},
    {"root", 0, 0, G_OPTION_ARG_FILENAME, &options.root, "the node's root folder instead of /",
     "DIR"},
    {"commit", 0, 0, G_OPTION_ARG_NONE, &options.commit,
     "make the change; without it, only show it", NULL},
    {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &options.dry, "as without --commit", NULL},
    {"version", 0, 0, G_OPTION_ARG_STRING, &options.version,
     "the platform's version, where its files do not tell", "VERSION"},
    {"channel", 0, 0, G_OPTION_ARG_STRING, &options.channel,
     "another way in than the platform's usual one, of", "CHANNEL"},
    {"only", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.only, "tune only guests of these names",
     "PATTERN"},
    {"skip", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.skip, "leave guests of these names alone",
     "PATTERN"},
    {"strict", 0, 0, G_OPTION_ARG_NONE, &options.strict, "hooks stop a guest that they cannot tune",
     NULL},
    {"respect", 0, 0, G_OPTION_ARG_NONE, &options.respect,
     "leave guests alone that ask for host-passthrough or host-model", NULL},
    {"hook", 0, 0, G_OPTION_ARG_FILENAME, &options.hook,
     "where the node has the program cpulift-hook", "PATH"},
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &options.connect,
     "for libvirt: change persistent definitions of this libvirt", "URI"},
    {"domains", 0, 0, G_OPTION_ARG_STRING, &options.domains,
     "with --connect: those of guests of these names", "PATTERN"},
    {"inventory", 0, 0, G_OPTION_ARG_FILENAME, &options.inventory,
     "for opennebula: check the hosts in what 'onehost list --xml' printed", "FILE"},
    {0},
};

/// On a node that is a folder, the program will be where it is installed; in place, beside us.
static char *find_hook(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self != NULL ? self : ".");
    g_autofree char *beside = g_build_filename(folder, "cpulift-hook", NULL);
    return strcmp(folder, CPULIFT_LIBEXECDIR) != 0 && g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE)
               ? g_steal_pointer(&beside)
               : g_build_filename(CPULIFT_SBINDIR, "cpulift-hook", NULL);
}

static char *format_json(const changeset *set, const struct platform_report *report)
{
    const struct platform_applied applied = {*set, options.commit, *report};
    g_autoptr(json_t) document = record_format(&platform_applied_record, &applied, NULL);
    const json_t *changes = json_object_get(document, "changes");
    for (size_t i = 0; i < set->changes->len; i++) {
        change_hide_secrets(set->changes->pdata[i], json_array_get(changes, i));
    }
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

/// Of the files, or of the definitions.
static unsigned count_changes(const changeset *set, bool are_files)
{
    unsigned count = 0;
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        count += (change->store == NULL) == are_files && change->why == NULL;
    }
    return count;
}

static void format_files(GString *out, const struct platform *platform, const changeset *set,
                         const struct platform_report *report, const root_dir *root)
{
    unsigned count = count_changes(set, true);
    g_string_append_printf(out, "%s%s%s at '%s/': ", platform->title, *report->version ? " " : "",
                           report->version, root->path);
    if (count == 0) {
        g_string_append(out, "nothing to change\n");
    } else {
        g_string_append_printf(out, "%u %s %s\n", count, count == 1 ? "file" : "files",
                               options.commit ? "changed" : "would change");
    }
}

static void format_definitions(GString *out, const changeset *set, const GPtrArray *guests)
{
    unsigned count = count_changes(set, false);
    g_string_append_printf(out, "%u %s of %s %s\n", count,
                           count == 1 ? "definition" : "definitions", options.connect,
                           options.commit ? "changed" : "would change");
    guests_format(out, guests);
}

/// With --connect files change only where a channel is named.
static bool are_files_meant(void)
{
    return options.connect == NULL || options.channel != NULL;
}

static char *format_text(const struct platform *platform, const changeset *set,
                         const struct platform_report *report, const root_dir *root)
{
    g_autofree char *diff = changeset_format_diff(set);
    GString *out = g_string_new(diff);
    if (are_files_meant()) {
        format_files(out, platform, set, report, root);
    }
    if (options.connect != NULL) {
        format_definitions(out, set, report->guests);
    }
    if (!options.commit) {
        format_lines(out, "Before --commit", report->before);
    }
    format_lines(out, options.commit ? "Now" : "Then", report->after);
    format_lines(out, "What takes effect when", report->effects);
    format_lines(out, "What this version cannot express", report->limits);
    if (!options.commit && set->changes->len > 0) {
        g_string_append(out, "Nothing was changed; --commit does it.\n");
    }
    return g_string_free(out, FALSE);
}

/// What must change, in files and definitions.
static int plan_changes(const struct platform *platform, const cpulift_plan *plan,
                        struct stores *all, changeset *set, struct platform_report *report,
                        cpulift_error **err)
{
    g_autofree char *hook = options.hook != NULL ? g_strdup(options.hook) : find_hook();
    g_autoptr(catalog) map = NULL;
    (void)catalog_load(NULL, &map, NULL); // a node may have none: then models are told by name
    const struct platform_options how = {.version = options.version,
                                         .channel = options.channel,
                                         .hook = hook,
                                         .only = (const char *const *)options.only,
                                         .skip = (const char *const *)options.skip,
                                         .inventory = options.inventory,
                                         .map = map,
                                         .is_strict = options.strict,
                                         .is_respectful = options.respect};
    const virt_conn *conn = NULL;
    store_key *key = NULL;
    changeset_set_plan(set, plan);
    char *unstated = plan_describe_width(plan);
    if (unstated != NULL) {
        g_ptr_array_add(report->losses, unstated);
    }
    TRY(are_files_meant() ? platform->plan(all->root, plan, &how, set, report, err) : 0);
    if (options.hook == NULL) {
        platform_report_program(set, hook, CPULIFT_SBINDIR, report);
    }
    if (options.connect == NULL) {
        return 0;
    }
    TRY(libvirt_store_add(all, options.connect, &key, &conn, err));
    int rc = guests_plan(conn, key, plan, &how, options.domains, set, report->guests, err);
    record_free(&store_key_record, key);
    return rc;
}

/// A journal that cannot be read is no ground for a change, nor for showing one.
static int check_journal(struct stores *all, cpulift_error **err)
{
    g_autoptr(GPtrArray) sets = NULL;
    return options.commit ? journal_recover(all, err) : journal_load(all->root, &sets, err);
}

/// *ret_status: EXIT_SOME where a guest's definition could not be read or was not taken.
static int apply(const struct platform *platform, const char *plan_path, char **ret_text,
                 int *ret_status, cpulift_error **err)
{
    g_autoptr(root_dir) root = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(changeset) set = changeset_new(platform->name);
    g_autoptr(platform_report) report = platform_report_new();
    g_autoptr(GPtrArray) refused = g_ptr_array_new_with_free_func(change_free);
    TRY(plan_load(plan_path, &plan, err));
    TRY(plan_check_promise(plan, plan_path, err));
    TRY(root_open(options.root, &root, err));
    TRY(followed_check_seal(root, plan, plan_path, err));
    TRY(are_files_meant() ? followed_check_place(root, platform->plan_target, err) : 0);
    g_autoptr(platform_stores) all = stores_new(root, libvirt_store_open);
    TRY(check_journal(all, err));
    TRY(plan_changes(platform, plan, all, set, report, err));
    TRY(options.commit ? changeset_apply(set, all, refused, err) : 0);
    size_t count = guests_count_unread(report->guests) +
                   guests_note_refused(report->guests, refused) +
                   guests_note_refused(report->guests, set->changes);
    *ret_status = count > 0 ? EXIT_SOME : EXIT_YES;
    for (size_t i = 0; i < report->losses->len; i++) {
        command_warn("%s", (const char *)g_ptr_array_index(report->losses, i));
    }
    guests_warn_losses(report->guests);
    *ret_text = options.json ? format_json(set, report) : format_text(platform, set, report, root);
    return 0;
}

static void add_platforms(const char *const *arguments, size_t count, GPtrArray *values)
{
    (void)arguments;
    (void)count;
    size_t known = 0;
    const struct platform *const *all = platform_list(&known);
    for (size_t i = 0; i < known; i++) {
        g_ptr_array_add(values, g_strdup(all[i]->name));
    }
}

/// What is wrong with an option beside others; NULL: nothing.
static const char *check_options(const struct platform *platform)
{
    if (options.inventory != NULL && platform != &opennebula_platform) {
        return "--inventory needs --platform opennebula";
    }
    bool has_files_only = options.strict || options.hook != NULL;
    if (options.connect == NULL) {
        return options.domains != NULL ? "--domains needs --connect" : NULL;
    }
    return platform != &libvirt_platform ? "--connect needs --platform libvirt"
           : has_files_only && options.channel == NULL
               ? "--connect changes no files unless a --channel is named: --strict and --hook are "
                 "of these"
               : NULL;
}

static int run(char **arguments, size_t count)
{
    (void)count;
    if (options.platform == NULL) {
        return command_usage("apply", "--platform is needed");
    }
    if (options.commit && options.dry) {
        return command_usage("apply", "--commit and --dry-run exclude each other");
    }
    const struct platform *platform = platform_find(options.platform);
    g_auto(GStrv) channels = g_strsplit(platform->channels, ", ", -1);
    const char *const *names = (const char *const *)channels;
    if (options.channel != NULL && !g_strv_contains(names, options.channel)) {
        return check_refuse(&apply_command, "channel", options.channel, names);
    }
    const char *wrong = check_options(platform);
    if (wrong != NULL) {
        return command_usage("apply", "%s", wrong);
    }
    if (options.commit) {
        command_begin_change();
    }
    int status = EXIT_FAILED;
    g_autofree char *text = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (apply(platform, arguments[0], &text, &status, &err) != 0) {
        return command_fail(&err);
    }
    return options.commit ? command_say_changed(text, options.json, status)
                          : command_say(text, options.json, status);
}

/// Of the platform that was named, or else of all.
static void add_channels(const char *const *arguments, size_t count, GPtrArray *values)
{
    (void)arguments;
    (void)count;
    size_t known = 0;
    const struct platform *const *all = platform_list(&known);
    for (size_t i = 0; i < known; i++) {
        bool is_meant = options.platform == NULL || strcmp(options.platform, all[i]->name) == 0;
        // The first is the usual one.
        const char *others = strstr(all[i]->channels, ", ");
        if (is_meant && others != NULL) {
            g_ptr_array_add(values, g_strdup(others + 2));
        }
    }
}

static const struct command_values values[] = {
    {.kind = "CHANNEL", .list = add_channels, .is_in_help = true},
    {.kind = "PLATFORM", .list = add_platforms, .is_in_help = true, .is_closed = true},
    {0},
};

const struct command apply_command = {
    .name = "apply",
    .arguments = "PLAN",
    .description =
        "Shows what must change on a platform's node, or with --connect in a libvirt's persistent "
        "definitions, so that guests get the plan's CPU; with "
        "--commit changes it: all files or none, with a journal for 'cpulift rollback'.",
    .options = entries,
    .json = &options.json,
    .min = 1,
    .max = 1,
    .usage = "one plan is needed",
    .values = values,
    .run = run,
};
