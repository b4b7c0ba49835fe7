// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"
#include "cli/commands.h"
#include "cli/run_list.h"
#include "cli/values.h"
#include "core/variant.h"
#include "mask/cpu/cpuinfo.h"
#include "mask/cpu/definition.h"
#include "mask/trace/run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/// As a shell and env(1) have it.
enum {
    EXIT_CANNOT_RUN = 126,
    EXIT_NOT_FOUND = 127,
};

static struct {
    char *cpu, *vendor, *trap;
    gboolean only_checks, drops_missing, keeps_cpuinfo, has_no_jit, is_verbose;
} options;

static const GOptionEntry entries[] = {
    {"cpu", 0, 0, G_OPTION_ARG_STRING, &options.cpu,
     "the CPU to show: a model (as it is, or MODEL,+f,-f), a plan, an XML file, 2014, default, "
     "paper or host",
     "help|" VARIANT_WORDS "|host|MODEL|FILE"},
    {"vendor", 0, 0, G_OPTION_ARG_STRING, &options.vendor,
     "whose vendor to show (default: host, as KVM does)", "host|model"},
    {"check", 0, 0, G_OPTION_ARG_NONE, &options.only_checks,
     "only say whether this machine can show that CPU", NULL},
    {"drop-missing", 0, 0, G_OPTION_ARG_NONE, &options.drops_missing,
     "leave out what this machine lacks, and say what that is", NULL},
    {"keep-cpuinfo", 0, 0, G_OPTION_ARG_NONE, &options.keeps_cpuinfo,
     "leave /proc/cpuinfo as it is", NULL},
    {"no-jit", 0, 0, G_OPTION_ARG_NONE, &options.has_no_jit,
     "do not watch memory that is writable and executable", NULL},
    {"trap", 0, 0, G_OPTION_ARG_STRING, &options.trap, "what CPUID is replaced by (auto)",
     "auto|int80|ud2"},
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &options.is_verbose, "say at the end what was done",
     NULL},
    {0},
};

/// What programs are to read as /proc/cpuinfo; NULL: the real one.
static char *make_cpuinfo(const struct mask_table *table, const catalog *map,
                          const struct definition *definition)
{
    g_autofree char *real = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (options.keeps_cpuinfo || definition->cpu.is_host ||
        file_load("/proc/cpuinfo", FILE_DOCUMENT_MAX, &real, NULL, &err) != 0) {
        return NULL;
    }
    return cpuinfo_format(real, table, map, &definition->cpu.features);
}

static const char *const traps[] = {
    [RUN_TRAP_AUTO] = "auto",
    [RUN_TRAP_INT80] = "int80",
    [RUN_TRAP_UD2] = "ud2",
    NULL,
};

/// The index of the trap that is asked for: the table of options lets no other word through.
static enum run_trap find_trap(void)
{
    enum run_trap trap = RUN_TRAP_AUTO;
    while (options.trap != NULL && traps[trap] != NULL && strcmp(traps[trap], options.trap) != 0) {
        trap++;
    }
    return trap;
}

static void trace(const struct definition *definition, const catalog *map, struct mask_host *host,
                  cpulift_error **err)
{
    struct mask_table *table = mask_table_new(&definition->cpu, map, mask_host_read, host);
    g_autofree char *cpuinfo = make_cpuinfo(table, map, definition);
    const struct run_options run_options = {
        .tracer = {.is_verbose = options.is_verbose,
                   .is_jit_watched = !options.has_no_jit,
                   .is_faulting = find_trap() == RUN_TRAP_AUTO && run_has_faulting()},
        .trap = find_trap(),
        .cpuinfo = cpuinfo,
    };
    if (run_trace(table, &run_options, err) != 0) {
        _exit(command_fail(err)); // may be traced already: what runs at exit may not work so
    }
    mask_table_free(table);
}

/// Everything up to the program's own start.
static int prepare(cpulift_error **err)
{
    g_autoptr(catalog) map = NULL;
    DEFINITION_AUTO definition = {0};
    bool is_model_vendor = g_strcmp0(options.vendor, "model") == 0;
    TRY(catalog_load(NULL, &map, err));
    TRY(definition_load(options.cpu, is_model_vendor, map, &definition, err));
    g_autoptr(mask_host) host = mask_host_new();
    g_autofree char *dropped = options.drops_missing
                                   ? definition_drop_lacking(&definition, map, mask_host_read, host)
                                   : NULL;
    if (dropped != NULL) {
        command_warn("the CPU '%s' is shown without what this machine lacks: %s", options.cpu,
                     dropped);
    }
    TRY(definition_check(&definition, options.cpu, map, mask_host_read, host, err));
    if (!options.only_checks) {
        trace(&definition, map, host, err);
    }
    return 0;
}

static int list_cpus(void)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(mask_host) host = mask_host_new();
    g_autofree char *text = NULL;
    return run_list_format(host, &text, &err) != 0 ? command_fail(&err)
                                                   : command_finish(NULL, text, EXIT_YES);
}

static int run(char **command, size_t count)
{
    if (options.cpu == NULL) {
        return command_usage("run", "--cpu is missing");
    }
    if (values_is_help(options.cpu)) {
        return list_cpus();
    }
    if (count == 0 && !options.only_checks) {
        return command_usage("run", "the command is missing");
    }
    g_autoptr(cpulift_error) err = NULL;
    if (prepare(&err) != 0) {
        return command_fail(&err);
    }
    if (options.only_checks) {
        return EXIT_YES;
    }
    execvp(command[0], command);
    int status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
    cpulift_error_set(&err, CPULIFT_EMISSING, "cannot start '%s': %s", command[0],
                      g_strerror(errno));
    command_fail(&err);
    _exit(status); // as in trace()
}

static const struct command_values values[] = {
    {.kind = "MODEL", .list = values_add_models, .list_more = values_add_features},
    {0},
};

const struct command run_command = {
    .name = "run",
    .arguments = "-- COMMAND [ARGUMENT]…",
    .description = "Runs a program on this machine at full speed as if on another CPU: it sees "
                   "only the features of the definition. Exit status: the program's own; 127 if it "
                   "is not found, 126 if it cannot be started.",
    .options = entries,
    .is_posix = true,
    .max = COMMAND_MANY,
    .values = values,
    .run = run,
};
