// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift rewrite: stands in the way of every start of a guest, so it loads neither libvirt nor
/// its CPU map (benchmarks/rewrite.sh).
#include "base/file.h"
#include "cli/commands.h"
#include "core/domain.h"
#include "core/plan.h"

#include <string.h>
#include <sys/stat.h>

static char *plan_path, *output_path;
static gboolean respect, force, quiet;

static const GOptionEntry options[] = {
    {"plan", 'p', 0, G_OPTION_ARG_FILENAME, &plan_path, "the plan whose CPU the domain gets",
     "PLAN"},
    {"respect", 0, 0, G_OPTION_ARG_NONE, &respect,
     "leave a guest alone that asks for a CPU of its own", NULL},
    {"force", 0, 0, G_OPTION_ARG_NONE, &force,
     "rewrite although the plan is for the other virtualisation type", NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "no warnings", NULL},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output_path,
     "write to FILE, whole or not at all, instead of standard output", "FILE"},
    {0},
};

/// A domain's XML may hold the passwords of its displays: a new file is the owner's only, one that
/// is there keeps its mode.
static int save(const char *text, size_t len, cpulift_error **err)
{
    struct stat st;
    unsigned mode = stat(output_path, &st) == 0 ? st.st_mode & 07777 : 0600;
    return file_save(output_path, text, len, mode, err);
}

static void warn(unsigned warnings, const char *name)
{
    for (unsigned bit = 1; bit <= warnings; bit <<= 1) {
        if ((warnings & bit) != 0) {
            command_warn("'%s': %s", name, domain_warning_to_string(bit));
        }
    }
}

static int rewrite(const cpulift_plan *plan, const char *path, cpulift_error **err)
{
    const struct domain_options how = {
        .respect = respect,
        .force = force,
        .virt = plan->virt,
        .machine = plan->machine,
    };
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    g_autofree char *xml = NULL, *text = NULL;
    size_t len, text_len;
    struct domain_changes changes;
    int rc = file_load(path, FILE_DOCUMENT_MAX, &xml, &len, err);
    if (rc == 0) {
        rc = domain_rewrite(xml, len, name, plan->cpu, &how, &text, &text_len, &changes, err);
    }
    if (rc != 0) {
        return rc;
    }
    if (!quiet) {
        warn(changes.warnings, name);
    }
    return output_path != NULL && strcmp(output_path, "-") != 0 ? save(text, text_len, err)
                                                                : command_output(NULL, text, err);
}

static int run(char **arguments, size_t count)
{
    const char *path = count > 0 ? arguments[0] : "-";
    if (plan_path == NULL) {
        return command_usage("rewrite", "--plan is needed");
    }
    if (strcmp(plan_path, "-") == 0 && strcmp(path, "-") == 0) {
        return command_usage("rewrite", "plan and domain cannot both come from standard input");
    }
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (plan_load(plan_path, &plan, &err) != 0 || rewrite(plan, path, &err) != 0) {
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
    .options = options,
    .max = 1,
    .usage = "at most one domain can be given",
    .run = run,
};
