// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/json.h"
#include "cli/commands.h"
#include "cli/prove_migrate.h"
#include "probe/start.h"

static char *uri, *virt, *machine, *emulator, *output, *addresses;
static gboolean is_direct, as_json, is_migrate;
static double timeout_s = 30;

static const GOptionEntry options[] = {
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &uri, "start the guest through the libvirt at URI",
     "URI"},
    {"direct", 0, 0, G_OPTION_ARG_NONE, &is_direct, "start QEMU itself, without libvirt", NULL},
    {"virt", 0, 0, G_OPTION_ARG_STRING, &virt, "kvm or qemu instead of the plan's", "TYPE"},
    {"machine", 0, 0, G_OPTION_ARG_STRING, &machine, "machine type instead of the plan's", "M"},
    {"emulator", 0, 0, G_OPTION_ARG_FILENAME, &emulator, "the QEMU to use", "PATH"},
    {"migrate", 0, 0, G_OPTION_ARG_NONE, &is_migrate,
     "migrate the guest live from URI_A to URI_B and back; it reads its CPU at each stop", NULL},
    {"addresses", 0, 0, G_OPTION_ARG_STRING, &addresses,
     "with --migrate: where each host is reached by the other", "A,B"},
    {"timeout", 't', 0, G_OPTION_ARG_DOUBLE, &timeout_s, "give up after S seconds (30)", "S"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "write to FILE instead of stdout", "FILE"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print the proof as JSON", NULL},
    {0},
};

static int check_options(size_t count)
{
    if (is_migrate ? count != 3 || is_direct || uri != NULL : count != 1) {
        return command_usage("prove", is_migrate
                                          ? "--migrate needs PLAN URI_A URI_B, and no other way"
                                          : "needs one PLAN");
    }
    if (virt != NULL && !g_str_equal(virt, "kvm") && !g_str_equal(virt, "qemu")) {
        return command_usage("prove", "--virt '%s' is neither kvm nor qemu", virt);
    }
    if (is_direct && uri != NULL) {
        return command_usage("prove", "--direct and --connect exclude each other");
    }
    if (!(timeout_s >= 1 && timeout_s <= 3600)) {
        return command_usage("prove", "--timeout must be 1 to 3600 seconds");
    }
    return EXIT_YES;
}

static char *format_result(const proof *result, const cpulift_plan *plan, const probe_run *run)
{
    if (!as_json) {
        return proof_format(result, plan, run);
    }
    g_autoptr(json_t) json = proof_to_json(result, plan, run);
    return json_format_document(json);
}

static int run_migrate(char **arguments)
{
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *text = NULL;
    g_auto(GStrv) where = g_strsplit(addresses != NULL ? addresses : "", ",", 2);
    bool has_both = g_strv_length(where) == 2;
    bool is_proved = false;
    int rc = plan_load(arguments[0], &plan, &err);
    rc = rc == 0 ? catalog_load(NULL, &map, &err) : rc;
    if (rc == 0) {
        const struct migrate_options how = {
            .uris = {arguments[1], arguments[2]},
            .addresses = {has_both ? where[0] : NULL, has_both ? where[1] : NULL},
            .virt = virt != NULL ? virt : plan->virt,
            .machine = machine != NULL ? machine : plan->machine,
            .emulator = emulator,
            .timeout_ms = (unsigned)(timeout_s * 1000)};
        rc = prove_migrate(plan, map, &how, as_json, &text, &is_proved, &err);
    }
    return rc != 0 ? command_fail(&err)
                   : command_finish(output, text, is_proved ? EXIT_YES : EXIT_NO);
}

static int run_prove(char **arguments, size_t count)
{
    int usage = check_options(count);
    if (usage != EXIT_YES) {
        return usage;
    }
    if (is_migrate) {
        return run_migrate(arguments);
    }
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(probe_run) run = NULL;
    g_autoptr(proof) result = NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = plan_load(arguments[0], &plan, &err);
    rc = rc == 0 ? catalog_load(NULL, &map, &err) : rc;
    if (rc == 0) {
        const struct start_options start = {virt != NULL ? virt : plan->virt,
                                            machine != NULL ? machine : plan->machine, emulator,
                                            uri, (unsigned)(timeout_s * 1000)};
        rc = is_direct ? start_direct(plan, &start, &run, &err)
                       : start_domain(plan, &start, &run, &err);
    }
    rc = rc == 0 ? proof_compute(map, plan, run, &result, &err) : rc;
    if (rc != 0) {
        return command_fail(&err);
    }
    g_autofree char *text = format_result(result, plan, run);
    return command_finish(output, text, result->is_proved ? EXIT_YES : EXIT_NO);
}

const struct command prove_command = {
    .name = "prove",
    .arguments = "PLAN [URI_A URI_B]",
    .description =
        "Starts a guest of a few KiB with the plan's definition, which reads its own CPU and\n"
        "executes one instruction of each instruction set that the plan announces, and compares\n"
        "that with the plan. Exit status: 0 proved, 1 not proved, 2 failed.",
    .options = options,
    .run = run_prove,
};
