// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift rewrite: stands in the way of every start of a guest, so it loads neither libvirt nor
/// its CPU map (benchmarks/rewrite.sh).
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "core/guest.h"
#include "core/losses.h"

#include <string.h>

static struct {
    char *plan, *output, *qemu;
    gboolean respect, force, quiet;
} options;

static const GOptionEntry entries[] = {
    {"plan", 'p', 0, G_OPTION_ARG_FILENAME, &options.plan, "the plan whose CPU the domain gets",
     "PLAN"},
    {"qemu", 0, 0, G_OPTION_ARG_STRING, &options.qemu,
     "the QEMU that will start the guest; without it, as the plan's hosts have it", "VERSION"},
    {"respect", 0, 0, G_OPTION_ARG_NONE, &options.respect,
     "leave a guest alone that asks for a CPU of its own", NULL},
    {"force", 0, 0, G_OPTION_ARG_NONE, &options.force,
     "rewrite although the plan is for the other virtualisation type", NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "no warnings", NULL},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
     "write to FILE, whole or not at all, instead of standard output", "FILE"},
    {0},
};

static void warn(unsigned warnings, const char *name)
{
    for (unsigned bit = 1; bit <= warnings; bit <<= 1) {
        if ((warnings & bit) != 0) {
            command_warn("'%s': %s", name, domain_warning_to_string(bit));
        }
    }
}

/// Tells of what the guest asked for and does not get.
static void warn_losses(const domain_document *document, const cpulift_plan *plan,
                        const cpulift_cpu *cpu)
{
    const struct losses_asker asker = {
        .subject = "the guest", .escape = "--respect", .is_told_width = true};
    g_autoptr(GPtrArray) losses = g_ptr_array_new_with_free_func(g_free);
    losses_add_domain(losses, &asker, document, plan, cpu);
    for (size_t i = 0; i < losses->len; i++) {
        command_warn("'%s': %s", document->label, (const char *)g_ptr_array_index(losses, i));
    }
}

/// Tells of a guest whose definition depends on what nobody said.
static void warn_qemu(const char *name)
{
    command_warn("'%s': it has several logical CPUs in a socket, and neither --qemu nor the plan "
                 "says whether it starts on QEMU " GUEST_QEMU_BREAK_TEXT
                 " or newer, which must be told so (require "
                 "ht), or on an older one, which refuses it: worded for an older one",
                 name);
}

static int rewrite(const cpulift_plan *plan, const char *path, cpulift_error **err)
{
    const struct domain_options how = {
        .respect = options.respect,
        .force = options.force,
        .virt = plan->virt,
        .machine = plan->machine,
    };
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    g_autofree char *xml = NULL, *text = NULL;
    g_autoptr(domain_document) document = NULL;
    size_t len, text_len;
    struct domain_changes changes;
    TRY(file_load(path, FILE_DOCUMENT_MAX, &xml, &len, err));
    TRY(domain_parse(xml, len, name, &document, err));
    const struct domain_guest guest = guest_read(document);
    unsigned qemu =
        guest_choose_qemu(plan, options.qemu != NULL ? text_parse_version(options.qemu) : 0);
    g_autoptr(cpulift_cpu) cpu = guest_define(plan, &guest, qemu);
    TRY(domain_rewrite(document, cpu, &how, &text, &text_len, &changes, err));
    if (!options.quiet) {
        warn(changes.warnings, name);
        if (!changes.is_respected) {
            warn_losses(document, plan, cpu);
        }
        if (qemu == 0 && !changes.is_respected && guest_depends_on_qemu(plan, &guest)) {
            warn_qemu(name);
        }
    }
    // A domain's XML may hold the passwords of its displays: a new file is the owner's only.
    return options.output != NULL && strcmp(options.output, "-") != 0
               ? file_save(options.output, text, text_len, 0600, err)
               : command_output(NULL, text, err);
}

static int run(char **arguments, size_t count)
{
    const char *path = count > 0 ? arguments[0] : "-";
    if (options.plan == NULL) {
        return command_usage("rewrite", "--plan is needed");
    }
    if (strcmp(options.plan, "-") == 0 && strcmp(path, "-") == 0) {
        return command_usage("rewrite", "plan and domain cannot both come from standard input");
    }
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (plan_load(options.plan, &plan, &err) != 0 ||
        plan_check_promise(plan, options.plan, &err) != 0 || rewrite(plan, path, &err) != 0) {
        return command_fail(&err);
    }
    return EXIT_YES;
}

const struct command rewrite_command = {
    .name = "rewrite",
    .arguments = "[DOMAIN.xml]",
    .description =
        "Puts the plan's CPU into a domain's XML and prints it; every byte outside the first <cpu> "
        "element stays. Reads standard input where no file is named.",
    .options = entries,
    .max = 1,
    .usage = "at most one domain can be given",
    .run = run,
};
