// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/date.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/check.h"
#include "cli/commands.h"
#include "cli/differences.h"
#include "cli/document.h"
#include "cli/values.h"
#include "core/hosts_file.h"
#include "core/level.h"
#include "core/machine.h"
#include "core/planner.h"
#include "core/seal.h"
#include "core/variant.h"
#include "store/address.h"
#include "store/places.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/// So many hosts that keep a pool from the next level are named in its line.
#define HOSTS_IN_SUMMARY 3
/// So many features that a single host lacks for it.
#define FEATURES_IN_SUMMARY 5
/// So many seconds the clock of the machine that scanned may be ahead of this one's.
#define CLOCKS_APART 300
/// A feature hangs on another, that on a third: no chain is as long.
#define DEPENDENCIES_MAX 8

static struct {
    char *pool, *virt, *machine, *policy_path, *variant, *output, *level, *kept, *hosts, *max_age,
        *key;
    char **allowed, **denied, **without;
    gboolean require_mitigations, allow_mixed_vendor, quiet, json;
} options;

static const GOptionEntry entries[] = {
    {"pool", 0, 0, G_OPTION_ARG_STRING, &options.pool, "the pool's name (default: default)",
     "NAME"},
    {"virt", 0, 0, G_OPTION_ARG_STRING, &options.virt,
     "kvm or qemu (default: kvm, or qemu where no host has kvm)", MACHINE_VIRT_WORDS},
    {"machine", 0, 0, G_OPTION_ARG_STRING, &options.machine,
     "machine type (default: the first of pc and q35 that all hosts have)",
     MACHINE_WORDS "|MACHINE"},
    {"policy", 0, 0, G_OPTION_ARG_FILENAME, &options.policy_path,
     "an INI file: what to leave out or let in", "FILE"},
    {"allow", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.allowed,
     "let in a feature, a pattern ('amx*'), or a class: nested, tsx, opt-in", "FEATURE"},
    {"deny", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.denied,
     "leave out a feature, a pattern ('avx512*') or a class", "FEATURE"},
    {"without", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.without,
     "leave out the host of this name, or those of a pattern ('blue-*'), on purpose", "NAME"},
    {"hosts", 0, 0, G_OPTION_ARG_FILENAME, &options.hosts,
     "refuse when a host that FILE lists ('NAME URI' on each line) has no document", "FILE"},
    {"max-age", 0, 0, G_OPTION_ARG_STRING, &options.max_age,
     "refuse documents that were scanned longer ago than AGE (30d, 12h)", "AGE"},
    {"require-mitigations", 0, 0, G_OPTION_ARG_NONE, &options.require_mitigations,
     "refuse when the pool would lose a mitigation", NULL},
    {"require-level", 0, 0, G_OPTION_ARG_STRING, &options.level,
     "refuse when the pool does not reach this level of x86-64", "LEVEL"},
    {"check", 0, 0, G_OPTION_ARG_FILENAME, &options.kept,
     "print what guests would see otherwise than under the plan FILE (exit status 1), not the plan",
     "FILE"},
    {"allow-mixed-vendor", 0, 0, G_OPTION_ARG_NONE, &options.allow_mixed_vendor,
     "plan Intel and AMD together, on a vendor-neutral model", NULL},
    {"for", 0, 0, G_OPTION_ARG_STRING, &options.variant,
     "print the definition of an untuned platform (default) or of the 2014 paper, before "
     "(paper-default) or after (paper), as a plan",
     VARIANT_NAMES},
    {"sign", 0, 0, G_OPTION_ARG_FILENAME, &options.key,
     "seal the plan with the Ed25519 key in KEY (PEM): nodes that have its public key take no "
     "other",
     "KEY"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
     "write to FILE instead of standard output", "FILE"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet,
     "neither summary nor warnings on standard error", NULL},
    {0},
};

static int add_names(char **names, const catalog *map, struct policy *policy,
                     int (*add)(struct policy *, const catalog *, const char *, cpulift_error **),
                     cpulift_error **err)
{
    for (; names != NULL && *names != NULL; names++) {
        TRY(add(policy, map, *names, err));
    }
    return 0;
}

static int read_policy(const catalog *map, struct policy *policy, cpulift_error **err)
{
    if (options.policy_path != NULL) {
        TRY(policy_load(policy, map, options.policy_path, err));
    }
    TRY(add_names(options.allowed, map, policy, policy_allow, err));
    TRY(add_names(options.denied, map, policy, policy_deny, err));
    policy->is_mitigations_required |= options.require_mitigations;
    policy->is_mixed_vendor_allowed |= options.allow_mixed_vendor;
    return 0;
}

/// The documents, and one of every host that is demanded.
static int load_hosts(inventory *inv, char **paths, size_t count, cpulift_error **err)
{
    g_autoptr(GPtrArray) demanded = NULL;
    TRY(places_load(inv, paths, count, err));
    if (options.hosts != NULL) {
        TRY(hosts_file_load_names(options.hosts, &demanded, err));
        TRY(inventory_demand(inv, demanded, options.hosts, err));
    }
    inventory_sort(inv);
    return 0;
}

static int compute(const catalog *map, char **paths, size_t count,
                   const struct planner_options *how, cpulift_plan **ret_plan, cpulift_error **err)
{
    if (options.variant != NULL) {
        return planner_compute_variant(options.variant, how, map, ret_plan, err);
    }
    g_autoptr(inventory) inv = inventory_new(map);
    for (char **name = options.without; name != NULL && *name != NULL; name++) {
        inventory_add_without(inv, *name);
    }
    if (options.max_age != NULL) {
        gint64 now = time(NULL);
        inventory_set_ages(inv, now - date_parse_age(options.max_age), now + CLOCKS_APART);
    }
    TRY(load_hosts(inv, paths, count, err));
    return planner_compute(inv, how, ret_plan, err);
}

static void print_warnings(const cpulift_plan *plan)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(plan->document, "warnings"), i, item) {
        command_warn("%s", json_get_string(item, "text"));
    }
}

/// The loss that keeps `feature` out of the plan: its own, or that of what it hangs on. NULL where
/// no host gives it or policy leaves it out.
static const json_t *find_loss(const json_t *document, const char *feature)
{
    const json_t *omitted = document_find_entry(document, "omitted", feature);
    const char *needs = json_get_string(omitted, "needs");
    for (int depth = 0; needs != NULL && depth < DEPENDENCIES_MAX; depth++) {
        feature = needs;
        omitted = document_find_entry(document, "omitted", feature);
        needs = json_get_string(omitted, "needs");
    }
    const json_t *loss = document_find_entry(document, "losses", feature);
    return json_get_string(loss, "policy") == NULL ? loss : NULL;
}

/// Marks the kinds that cost one of the features that the next level needs; false where one of them
/// is not a matter of single hosts.
static bool find_keepers(const json_t *document, bool *keepers, size_t count)
{
    size_t i, k;
    const json_t *name, *index;
    const json_t *missing = json_object_get(json_object_get(document, "next_level"), "missing");
    json_array_foreach (missing, i, name) {
        const json_t *loss = find_loss(document, json_string_value(name));
        if (loss == NULL) {
            return false;
        }
        json_array_foreach (json_object_get(loss, "kinds"), k, index) {
            keepers[MIN((size_t)json_integer_value(index), count)] = true;
        }
    }
    return true;
}

/// Where no leaving helps: one host has no others that could go without it.
static void append_lack(GString *text, const json_t *document, const char *next)
{
    if (json_get_uint(document, "host_count", 0) > 1) {
        g_string_append_printf(text, "; no single host keeps it from %s", next);
        return;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(json_object_get(document, "next_level"), "missing"), i,
                        name) {
        g_ptr_array_add(names, (void *)json_string_value(name));
    }
    g_autofree char *some =
        text_join_some((const char *const *)names->pdata, names->len, FEATURES_IN_SUMMARY);
    g_string_append_printf(text, "; for %s it lacks %s", next, some);
}

/// "; a, b and 2 more (Xeon-E7-4820) keep it from x86-64-v3", or what else does.
static void append_keepers(GString *text, const json_t *document)
{
    const char *next = json_get_string(json_object_get(document, "next_level"), "level");
    const json_t *kinds = json_object_get(document, "kinds");
    size_t count = json_array_size(kinds), k, h;
    g_autofree bool *keepers = g_new0(bool, count + 1);
    if (next == NULL) {
        return;
    }
    if (!find_keepers(document, keepers, count)) {
        append_lack(text, document, next);
        return;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const json_t *kind, *host;
    json_array_foreach (kinds, k, kind) {
        json_array_foreach (json_object_get(kind, "hosts"), h, host) {
            if (keepers[k]) {
                g_ptr_array_add(names, (void *)json_string_value(host));
            }
        }
    }
    g_ptr_array_sort(names, text_compare);
    g_autofree char *joined =
        text_join_some((const char *const *)names->pdata, names->len, HOSTS_IN_SUMMARY);
    g_string_append_printf(text, "; %s %s it from %s", joined, names->len == 1 ? "keeps" : "keep",
                           next);
}

/// One line says what was planned: from how much, on which model, how far, and who keeps it back.
static void print_summary(const cpulift_plan *plan, const catalog *map)
{
    guint64 hosts = json_get_uint(plan->document, "host_count", 0);
    size_t kinds = json_array_size(json_object_get(plan->document, "kinds"));
    const struct catalog_model *model = catalog_find_model(map, plan->cpu->model);
    if (hosts == 0 || model == NULL) {
        return;
    }
    size_t more = 0;
    for (size_t i = 0; i < plan->feature_count; i++) {
        int id = catalog_find_feature(map, plan->features[i]);
        more += id < 0 || !feature_set_has(&model->features, (size_t)id);
    }
    const char *level = json_get_string(plan->document, "level");
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(
        text, "planned %" G_GUINT64_FORMAT " host%s of %zu kind%s: %s + %zu feature%s, %s", hosts,
        hosts == 1 ? "" : "s", kinds, kinds == 1 ? "" : "s", model->name, more,
        more == 1 ? "" : "s", level != NULL ? level : "below x86-64-v1");
    append_keepers(text, plan->document);
    fprintf(stderr, "cpulift: %s\n", text->str);
}

static int check_usage(size_t count)
{
    if ((options.variant == NULL) == (count == 0)) {
        return command_usage("plan", options.variant == NULL ? "no host document is named"
                                                             : "--for needs no host document");
    }
    if (options.level != NULL && level_from_string(options.level) == 0) {
        return check_refuse(&plan_command, "require-level", options.level, level_names);
    }
    if (options.max_age != NULL && date_parse_age(options.max_age) == 0) {
        return command_usage("plan", "'%s' is no age: 90s, 15m, 36h or 30d", options.max_age);
    }
    const char *const names[] = {options.pool, options.machine};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i] != NULL && !text_is_name(names[i])) {
            return command_usage("plan", "'%s' is no usable name", names[i]);
        }
    }
    return 0;
}

/// Holds the new plan against one that was kept.
static int check(const cpulift_plan *plan, const cpulift_plan *kept, const catalog *map)
{
    g_auto(compare_side) now = {0}, before = {0};
    compare_take_plan(kept, map, &before);
    compare_take_plan(plan, map, &now);
    g_autoptr(GPtrArray) differences = compare_sides(&before, &now);
    g_autofree char *text = options.json
                                ? differences_format_json(&before, &now, differences)
                                : differences_format(differences, options.kept, "now", true);
    return command_say(text, options.json, compare_is_seen(differences) ? EXIT_NO : EXIT_YES);
}

static int put_out(const char *text, cpulift_error **err)
{
    bool is_far = options.output != NULL && address_is(options.output);
    return is_far ? places_save_plan(options.output, text, err)
                  : command_output(options.output, text, err);
}

static int run(char **paths, size_t count)
{
    int usage = check_usage(count);
    if (usage != 0) {
        return usage;
    }
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(cpulift_plan) kept = NULL;
    struct planner_options how = {
        .pool = options.pool,
        .virt = options.virt,
        .machine = options.machine,
        .level = options.level != NULL ? level_from_string(options.level) : 0,
    };
    if (catalog_load(NULL, &map, &err) != 0 || read_policy(map, &how.policy, &err) != 0 ||
        (options.kept != NULL && places_load_plan(options.kept, &kept, &err) != 0) ||
        compute(map, paths, count, &how, &plan, &err) != 0 ||
        (options.key != NULL && seal_put(plan, options.key, &err) != 0)) {
        return command_fail(&err);
    }
    if (!options.quiet) {
        print_summary(plan, map);
        print_warnings(plan);
    }
    g_autofree char *text = json_format_document(plan->document);
    bool is_put = kept == NULL || options.output != NULL;
    return is_put && put_out(text, &err) != 0 ? command_fail(&err)
           : kept != NULL                     ? check(plan, kept, map)
                                              : EXIT_YES;
}

static void add_levels(const char *const *arguments, size_t count, GPtrArray *values)
{
    (void)arguments;
    (void)count;
    for (const char *const *name = level_names; *name != NULL; name++) {
        g_ptr_array_add(values, g_strdup(*name));
    }
}

static const struct command_values values[] = {
    {.kind = "FEATURE", .list = values_add_features},
    {.kind = "LEVEL", .list = add_levels, .is_in_help = true},
    {0},
};

const struct command plan_command = {
    .name = "plan",
    .arguments = "HOST…",
    .description =
        "Prints the plan of a pool: the richest CPU that every host can give a guest. A HOST is a "
        "host document, a folder of them, a .jsonl file with one on each line, or an address of "
        "etcd or of an agent.",
    .options = entries,
    .json = &options.json,
    .max = COMMAND_MANY,
    .values = values,
    .run = run,
};
