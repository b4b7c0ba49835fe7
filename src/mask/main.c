// SPDX-License-Identifier: LGPL-2.1-or-later
// cpulift-run: the program behind `cpulift run`.
#include "base/file.h"
#include "config.h"
#include "mask/cpuinfo.h"
#include "mask/definition.h"
#include "mask/run.h"

#include <locale.h>
#include <stdio.h>

/// As a shell and env(1) have it.
#define EXIT_NOT_FOUND  127
#define EXIT_CANNOT_RUN 126
#define EXIT_USAGE      64

struct arguments {
    char *cpu;
    char *vendor;
    gboolean is_verbose, keeps_cpuinfo, has_no_cache, has_no_jit, only_checks, shows_version;
    char **command;
};

static bool parse_arguments(int *argc, char ***argv, struct arguments *args, GError **error)
{
    const GOptionEntry entries[] = {
        {"cpu", 0, 0, G_OPTION_ARG_STRING, &args->cpu,
         "The CPU to show: a model, a plan, an XML file, default, paper or host", "DEF"},
        {"vendor", 0, 0, G_OPTION_ARG_STRING, &args->vendor,
         "Whose vendor to show: host (as KVM does) or model", "WHOSE"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &args->only_checks,
         "Only say whether this machine can show the CPU", NULL},
        {"keep-cpuinfo", 0, 0, G_OPTION_ARG_NONE, &args->keeps_cpuinfo,
         "Leave /proc/cpuinfo as it is", NULL},
        {"no-cache", 0, 0, G_OPTION_ARG_NONE, &args->has_no_cache,
         "Neither read nor write the cache", NULL},
        {"no-jit", 0, 0, G_OPTION_ARG_NONE, &args->has_no_jit,
         "Do not watch memory that is writable and executable", NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &args->is_verbose, "Count what was done", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &args->shows_version, "Print the version", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &args->command, NULL, NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("-- COMMAND [ARGUMENT]…");
    g_option_context_set_summary(
        context, "Runs a program on this machine as if on another CPU: it sees only the features\n"
                 "of the definition, and runs at full speed.");
    g_option_context_set_strict_posix(context, TRUE);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

static int complain(const char *message)
{
    fprintf(stderr, "cpulift-run: %s\n", message);
    return EXIT_USAGE;
}

/// The usage error in the arguments, or 0.
static int check_arguments(const struct arguments *args)
{
    if (args->cpu == NULL) {
        return complain("--cpu is missing: cpulift-run --cpu DEF -- COMMAND");
    }
    if (args->vendor != NULL && strcmp(args->vendor, "host") != 0 &&
        strcmp(args->vendor, "model") != 0) {
        return complain("--vendor must be host or model");
    }
    if (args->command == NULL && !args->only_checks) {
        return complain("the command is missing: cpulift-run --cpu DEF -- COMMAND");
    }
    return 0;
}

static char *make_cpuinfo(const struct arguments *args, const struct mask_table *table,
                          const catalog *map, const struct definition *definition)
{
    char *real = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (args->keeps_cpuinfo || definition->cpu.is_host ||
        file_load("/proc/cpuinfo", FILE_DOCUMENT_MAX, &real, NULL, &err) != 0) {
        return NULL;
    }
    char *text = cpuinfo_format(real, table, map, &definition->cpu.features);
    g_free(real);
    return text;
}

static int run(const struct arguments *args, cpulift_error **err)
{
    g_autoptr(catalog) map = NULL;
    struct definition definition;
    int rc = catalog_load(NULL, &map, err);
    if (rc != 0 || (rc = definition_load(args->cpu, g_strcmp0(args->vendor, "model") == 0, map,
                                         &definition, err)) != 0) {
        return rc;
    }
    struct mask_host *host = mask_host_new();
    rc = definition_check(&definition, args->cpu, map, mask_host_read, host, err);
    if (rc == 0 && !args->only_checks) {
        struct mask_table *table = mask_table_new(&definition.cpu, map, mask_host_read, host);
        g_autofree char *cpuinfo = make_cpuinfo(args, table, map, &definition);
        const struct run_options options = {
            .tracer = {.is_verbose = args->is_verbose, .is_jit_watched = !args->has_no_jit,
                       .uses_cache = !args->has_no_cache, .is_faulting = run_has_faulting()},
            .cpuinfo = cpuinfo,
        };
        rc = run_program(table, &options, args->command, err);
        mask_table_free(table);
    }
    mask_host_free(host);
    definition_clear(&definition);
    return rc;
}

static int fail(const struct arguments *args, const cpulift_error *err)
{
    complain(err->message);
    bool is_command = args->command != NULL && strstr(err->message, "cannot start '") != NULL;
    if (is_command) {
        return err->code == CPULIFT_EMISSING ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
    }
    return cpulift_error_exit_status(err);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    struct arguments args = {0};
    g_autoptr(GError) error = NULL;
    if (!parse_arguments(&argc, &argv, &args, &error)) {
        return complain(error->message);
    }
    if (args.shows_version) {
        puts("cpulift-run " CPULIFT_VERSION);
        return 0;
    }
    int usage = check_arguments(&args);
    if (usage != 0) {
        return usage;
    }
    g_autoptr(cpulift_error) err = NULL;
    return run(&args, &err) != 0 ? fail(&args, err) : 0;
}
