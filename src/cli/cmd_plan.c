// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "core/planner.h"

#include <string.h>

static char *pool, *virt, *machine, *policy_path, *variant, *output;
static char **allowed, **denied, **without;
static gboolean require_mitigations, allow_mixed_vendor, quiet;

static const GOptionEntry options[] = {
    {"pool", 0, 0, G_OPTION_ARG_STRING, &pool, "the pool's name (default: default)", "NAME"},
    {"virt", 0, 0, G_OPTION_ARG_STRING, &virt, "kvm or qemu (default: kvm where all hosts have it)",
     "TYPE"},
    {"machine", 0, 0, G_OPTION_ARG_STRING, &machine,
     "pc or q35 (default: the first all hosts have)", "TYPE"},
    {"policy", 0, 0, G_OPTION_ARG_FILENAME, &policy_path,
     "an INI file: what to leave out or let in", "FILE"},
    {"allow", 0, 0, G_OPTION_ARG_STRING_ARRAY, &allowed,
     "let in a feature, a pattern ('amx*'), or a class: nested, tsx, opt-in", "F"},
    {"deny", 0, 0, G_OPTION_ARG_STRING_ARRAY, &denied,
     "leave out a feature, a pattern ('avx512*') or a class", "F"},
    {"without", 0, 0, G_OPTION_ARG_STRING_ARRAY, &without,
     "leave out the host of this name, or those of a pattern ('blue-*'), on purpose", "NAME"},
    {"require-mitigations", 0, 0, G_OPTION_ARG_NONE, &require_mitigations,
     "refuse when the pool would lose a mitigation", NULL},
    {"allow-mixed-vendor", 0, 0, G_OPTION_ARG_NONE, &allow_mixed_vendor,
     "plan Intel and AMD together, on a vendor-neutral model", NULL},
    {"for", 0, 0, G_OPTION_ARG_STRING, &variant,
     "print the plan of an untuned platform (default) or of the 2014 paper (paper)", "VARIANT"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "write to FILE instead of standard output",
     "FILE"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "no warnings on standard error", NULL},
    {0},
};

static int add_names(char **names, const catalog *map, struct policy *policy,
                     int (*add)(struct policy *, const catalog *, const char *, cpulift_error **),
                     cpulift_error **err)
{
    int rc = 0;
    for (; names != NULL && *names != NULL && rc == 0; names++) {
        rc = add(policy, map, *names, err);
    }
    return rc;
}

static int read_policy(const catalog *map, struct policy *policy, cpulift_error **err)
{
    int rc = policy_path != NULL ? policy_load(policy, map, policy_path, err) : 0;
    if (rc == 0) {
        rc = add_names(allowed, map, policy, policy_allow, err);
    }
    if (rc == 0) {
        rc = add_names(denied, map, policy, policy_deny, err);
    }
    policy->is_mitigations_required |= require_mitigations;
    policy->is_mixed_vendor_allowed |= allow_mixed_vendor;
    return rc;
}

static int compute(const catalog *map, char **paths, size_t count,
                   const struct planner_options *how, cpulift_plan **ret_plan, cpulift_error **err)
{
    if (variant != NULL) {
        return planner_compute_variant(variant, how, map, ret_plan, err);
    }
    g_autoptr(inventory) inv = inventory_new(map);
    for (char **name = without; name != NULL && *name != NULL; name++) {
        inventory_add_without(inv, *name);
    }
    for (size_t i = 0; i < count; i++) {
        int rc = inventory_add_path(inv, paths[i], err);
        if (rc != 0) {
            return rc;
        }
    }
    inventory_sort(inv);
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

static int check_usage(size_t count)
{
    if ((variant == NULL) == (count == 0)) {
        return command_usage("plan", variant == NULL ? "no host document is named"
                                                     : "--for needs no host document");
    }
    if (variant != NULL && strcmp(variant, "default") != 0 && strcmp(variant, "paper") != 0) {
        return command_usage("plan", "unknown variant '%s': default or paper", variant);
    }
    if (virt != NULL && strcmp(virt, "kvm") != 0 && strcmp(virt, "qemu") != 0) {
        return command_usage("plan", "unknown --virt '%s': kvm or qemu", virt);
    }
    const char *const names[] = {pool, machine};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i] != NULL && !text_is_name(names[i])) {
            return command_usage("plan", "'%s' is no usable name", names[i]);
        }
    }
    return 0;
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
    struct planner_options how = {.pool = pool, .virt = virt, .machine = machine};
    if (catalog_load(NULL, &map, &err) != 0 || read_policy(map, &how.policy, &err) != 0 ||
        compute(map, paths, count, &how, &plan, &err) != 0) {
        return command_fail(&err);
    }
    if (!quiet) {
        print_warnings(plan);
    }
    g_autofree char *text = json_format_document(plan->document);
    return command_finish(output, text, EXIT_YES);
}

const struct command plan_command = {
    .name = "plan",
    .arguments = "HOST…",
    .description =
        "Prints the plan of a pool: the richest CPU that every host can give a guest. A HOST is a "
        "host document, a folder of them, or a .jsonl file with one on each line.",
    .options = options,
    .max = COMMAND_MANY,
    .run = run,
};
