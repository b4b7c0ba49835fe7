// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/platform.h"

#include "base/json.h"
#include "core/seal.h"
#include "platform/emulator.h"
#include "platform/hookfile.h"
#include "platform/node.h"

#include <string.h>

static const struct platform *const platforms[] = {
#define PLATFORM(name) &name##_platform,
#include "platform/platforms.def"
#undef PLATFORM
};

const struct platform *platform_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(platforms); i++) {
        if (strcmp(platforms[i]->name, name) == 0) {
            return platforms[i];
        }
    }
    return NULL;
}

const struct platform *const *platform_list(size_t *ret_count)
{
    *ret_count = G_N_ELEMENTS(platforms);
    return platforms;
}

#define GUEST(member)   RECORD_AT(struct platform_guest, member)
#define APPLIED(member) RECORD_AT(struct platform_applied, member)
#define LINES(member)   &record_array, APPLIED(report.member)

RECORD_ITEM(guest_record, struct platform_guest,
            {"name", &record_string, GUEST(name), RECORD_REQUIRED | RECORD_TEXT},
            {"uuid", &record_string, GUEST(uuid), RECORD_REQUIRED},
            {"active", &record_bool, GUEST(is_active), RECORD_REQUIRED,
             .meaning = "it runs now, on the CPU that it was started with"},
            {"skipped", &record_string, GUEST(skipped), RECORD_TEXT,
             .meaning = "why its definition stays as it is; absent: it changes"},
            {"notes", &record_array, GUEST(notes), RECORD_ALWAYS | RECORD_TEXT,
             .meaning = "what else to know of it, saved images and snapshots among it"},
            {"losses", &record_array, GUEST(losses), RECORD_ALWAYS | RECORD_TEXT,
             .meaning = "sentences: what it asked of its CPU and does not get"})

const struct record platform_applied_record = {
    .schema = CHANGESET_SCHEMA,
    CHANGESET_ROWS({"committed", &record_bool, APPLIED(is_committed), RECORD_ALWAYS,
                    .meaning =
                        "this and what follows `apply --json` adds: the change was made; else "
                        "it would be"},
                   {"version", &record_string, APPLIED(report.version),
                    .meaning = "of the platform; empty: not known"},
                   {"before", LINES(before), .meaning = "what to do before `--commit`"},
                   {"after", LINES(after), .meaning = "restarts and other steps after it"},
                   {"effects", LINES(effects), .meaning = "what takes effect when"},
                   {"limits", LINES(limits), .meaning = "what this version cannot express"},
                   {"losses", LINES(losses),
                    .meaning = "what the settings that are replaced asked of the CPU, or the plan "
                               "says of it, and no guest gets"},
                   {"guests", &record_list, APPLIED(report.guests), .record = &guest_record,
                    .meaning = "with `--connect`: those whose definitions change or were skipped"}),
    .size = sizeof(struct platform_applied),
};

struct platform_report *platform_report_new(void)
{
    struct platform_report *report = g_new0(struct platform_report, 1);
    report->version = g_strdup("");
    GPtrArray **const arrays[] = {&report->before, &report->after, &report->effects,
                                  &report->limits, &report->losses};
    for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++) {
        *arrays[i] = g_ptr_array_new_with_free_func(g_free);
    }
    report->guests = g_ptr_array_new_with_free_func(guest_record_free);
    return report;
}

void platform_report_free(struct platform_report *report)
{
    if (report == NULL) {
        return;
    }
    g_free(report->version);
    g_ptr_array_free(report->before, TRUE);
    g_ptr_array_free(report->after, TRUE);
    g_ptr_array_free(report->effects, TRUE);
    g_ptr_array_free(report->limits, TRUE);
    g_ptr_array_free(report->losses, TRUE);
    g_ptr_array_free(report->guests, TRUE);
    g_free(report);
}

struct platform_guest *platform_add_guest(GPtrArray *guests, const char *name, const char *uuid)
{
    struct platform_guest *guest = record_new(&guest_record);
    guest->name = g_strdup(name);
    guest->uuid = g_strdup(uuid);
    g_ptr_array_add(guests, guest);
    return guest;
}

void platform_say(GPtrArray *lines, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(lines, g_strdup_vprintf(format, args));
    va_end(args);
}

void platform_report_width(const cpulift_plan *plan, const char *channel,
                           struct platform_report *report)
{
    if (plan->cpu->phys_bits != 0) {
        platform_say(report->losses,
                     "%s cannot say the width of physical addresses (%u bits): guests get QEMU's, "
                     "and one with much memory may not migrate to every host",
                     channel, plan->cpu->phys_bits);
    }
}

void platform_report_hook(const struct platform_options *options, const char *where,
                          struct platform_report *report)
{
    if (options->is_strict) {
        platform_say(report->effects, "--strict: a guest that cannot be tuned does not start");
    }
    platform_say(report->effects,
                 options->is_respectful
                     ? "--respect: guests that ask for host-passthrough or host-model (%s) keep "
                       "it, and may not migrate to every host"
                     : "guests that ask for host-passthrough or host-model (%s) get the plan's CPU "
                       "and lose what they asked for, nested guests too; --respect leaves them "
                       "alone",
                 where);
}

int platform_read_version(const root_dir *root, const char *target, char **ret_version,
                          cpulift_error **err)
{
    g_auto(root_file) file = {0};
    TRY(root_load(root, target, &file, err));
    *ret_version = g_strdup(file.exists ? g_strstrip(file.bytes) : "");
    return 0;
}

/// Without losses, hosts and reasons, and with the guests that are meant.
static json_t *slim_plan(const cpulift_plan *plan, const struct platform_options *options)
{
    cpulift_plan slim = *plan;
    slim.guests.only = (char **)options->only;
    slim.guests.skip = (char **)options->skip;
    slim.guests.is_strict = options->is_strict;
    slim.guests.is_respectful = options->is_respectful;
    json_t *document = record_format(&plan_record, &slim, NULL);
    seal_copy(plan, document);
    return document;
}

/// Which QEMU this node has now: a hook that finds another later knows that the plan is older. What
/// cannot be told is not recorded.
static int add_node(changeset *set, const root_dir *root, cpulift_error **err)
{
    const char *emulator = emulator_find(root);
    g_autoptr(node_qemu) node = emulator != NULL ? node_look(root, emulator) : NULL;
    g_autofree char *text = node != NULL ? node_format(node) : NULL;
    return text != NULL
               ? changeset_add(set, root, NODE_TARGET, text, strlen(text), 0644, CHANGE_WHOLE, err)
               : 0;
}

int platform_add_plan(changeset *set, const root_dir *root, const char *target,
                      const cpulift_plan *plan, const struct platform_options *options,
                      cpulift_error **err)
{
    g_autoptr(json_t) json = slim_plan(plan, options);
    g_autofree char *text = json_format_document(json);
    TRY(changeset_add(set, root, target, text, strlen(text), 0644, CHANGE_WHOLE, err));
    // The remotes of a front-end go to other nodes.
    return strcmp(target, PLATFORM_PLAN_TARGET) == 0 ? add_node(set, root, err) : 0;
}

/// Adds a hook, unless somebody else's stands in its place: a platform runs but one there, and the
/// operator's own is not ours to replace. One that calls 'cpulift rewrite', as our refusal asks,
/// stays and does the work.
static int add_executable(changeset *set, const root_dir *root, const char *target,
                          const char *text, size_t len, mode_t mode, cpulift_error **err)
{
    g_auto(root_file) there = {0};
    TRY(root_load(root, target, &there, err));
    bool is_theirs = there.exists && !hookfile_is_ours(&there);
    if (is_theirs && hookfile_calls_rewrite(&there)) {
        return 0;
    }
    if (is_theirs) {
        return cpulift_error_set(err, CPULIFT_ECONFLICT,
                                 "'%s/%s' is there already and not cpulift's: let it call "
                                 "'cpulift rewrite --plan /" PLATFORM_PLAN_TARGET
                                 "', or move it away",
                                 root->path, target);
    }
    return changeset_add(set, root, target, text, len, mode, CHANGE_WHOLE, err);
}

static int check_hook_path(const char *path, cpulift_error **err)
{
    bool is_plain = strspn(path, HOOKFILE_PATH_CHARS) == strlen(path);
    return *path == '/' && is_plain
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s' cannot stand in a hook, which needs an absolute path of "
                                   "letters, digits and '/._+-': name another with --hook",
                                   path);
}

/// The files of data/ that go to nodes, part of the program: a node needs no data folder.
static const struct {
    const char *name, *text;
} installed[] = {
#include "installed.h"
};

static const char *find_data(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(installed); i++) {
        if (strcmp(installed[i].name, name) == 0) {
            return installed[i].text;
        }
    }
    g_assert_not_reached();
}

static void append_words(GString *out, const char *option, const char *const *words)
{
    for (; words != NULL && *words != NULL; words++) {
        g_autofree char *quoted = g_shell_quote(*words);
        g_string_append_printf(out, " %s %s", option, quoted);
    }
}

/// What `apply` was told, as words of a shell command: a script that applies the next plan must not
/// lose the guests that are to be left alone.
static char *format_options(const struct platform_options *options)
{
    const char *const version[] = {options->version, NULL};
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "--hook %s%s", options->hook,
                           options->is_strict ? " --strict" : "");
    g_string_append(out, options->is_respectful ? " --respect" : "");
    append_words(out, "--version", version);
    append_words(out, "--only", options->only);
    append_words(out, "--skip", options->skip);
    return g_string_free(out, FALSE);
}

/// A file of data/ for a hook in this role.
static int add_data(changeset *set, const root_dir *root, const char *target, const char *name,
                    mode_t mode, const char *role, const struct platform_options *options,
                    cpulift_error **err)
{
    TRY(check_hook_path(options->hook, err));
    g_autoptr(GString) out = g_string_new(find_data(name));
    g_autofree char *words = format_options(options);
    g_string_replace(out, "@HOOK@", options->hook, 0);
    g_string_replace(out, "@OPTIONS@", words, 0);
    g_string_replace(out, "@PLAN@", "/" PLATFORM_PLAN_TARGET, 0);
    g_string_replace(out, "@ROLE@", role, 0);
    g_string_replace(out, "@STRICT@", options->is_strict ? "strict" : "", 0);
    return add_executable(set, root, target, out->str, out->len, mode, err);
}

int platform_add_hook(changeset *set, const root_dir *root, const char *target, const char *role,
                      const struct platform_options *options, cpulift_error **err)
{
    return add_data(set, root, target, "hook.sh", 0755, role, options, err);
}

int platform_add_data(changeset *set, const root_dir *root, const char *target, const char *name,
                      mode_t mode, const struct platform_options *options, cpulift_error **err)
{
    return add_data(set, root, target, name, mode, "", options, err);
}

int platform_add_removal(changeset *set, const root_dir *root, const char *target,
                         cpulift_error **err)
{
    g_auto(root_file) there = {0};
    TRY(root_load(root, target, &there, err));
    return there.exists && hookfile_is_ours(&there) ? changeset_add_removal(set, root, target, err)
                                                    : 0;
}

void platform_report_program(const changeset *set, const char *hook, const char *usual,
                             struct platform_report *report)
{
    g_autofree char *folder = g_path_get_dirname(hook);
    bool is_called = false;
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        g_autofree char *program = hookfile_find_program(&change->after);
        is_called = is_called || program != NULL;
    }
    if (is_called && strcmp(folder, usual) != 0) {
        platform_say(report->after,
                     "install cpulift and apply again: guests start through %s, which is not where "
                     "it is installed (%s)",
                     hook, usual);
    }
}

char *platform_join_features(const cpulift_cpu *cpu, enum cpu_policy policy, const char *prefix,
                             const char *separator)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (cpu->features[i].policy == policy) {
            g_string_append_printf(out, "%s%s%s", out->len > 0 ? separator : "", prefix,
                                   cpu->features[i].name);
        }
    }
    return g_string_free(out, FALSE);
}
