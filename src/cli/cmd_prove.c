// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/protection_page.h"
#include "cli/prove_security.h"
#include "cli/values.h"
#include "core/cpu_words.h"
#include "core/machine.h"
#include "core/variant.h"
#include "probe/hops.h"
#include "probe/start.h"

#include <string.h>

enum { UNSET = G_MININT }; // of seconds

static struct {
    char *connect, *virt, *machine, *emulator, *domain, *cpu, *addresses, *output;
    char *kernel, *in, *console, *html;
    gboolean is_direct, is_migrating, is_security, json;
    double timeout; ///< s
} options = {.timeout = UNSET};

/// Seconds, for the probe guest and for a kernel, which boots in 6 under emulation and in more
/// where the machine has other work.
enum { TIMEOUT_S = 30, TIMEOUT_KERNEL_S = 120 };

static const GOptionEntry entries[] = {
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &options.connect,
     "start the guest through the libvirt at URI", "URI"},
    {"direct", 0, 0, G_OPTION_ARG_NONE, &options.is_direct, "start QEMU itself, without libvirt",
     NULL},
    {"migrate", 0, 0, G_OPTION_ARG_NONE, &options.is_migrating,
     "start at URI_A, migrate live to URI_B and back", NULL},
    {"addresses", 0, 0, G_OPTION_ARG_STRING, &options.addresses,
     "with --migrate: where each host is reached by the other", "A,B"},
    {"security", 0, 0, G_OPTION_ARG_NONE, &options.is_security,
     "boot a Linux kernel, and hold what it says of its CPU's vulnerabilities against the hosts'",
     NULL},
    {"kernel", 0, 0, G_OPTION_ARG_FILENAME, &options.kernel,
     "with --security: the kernel to boot (this machine's)", "FILE"},
    {"in", 0, 0, G_OPTION_ARG_STRING, &options.in,
     "with --security: boot it with this CPU too, for before and after", VARIANT_NAMES},
    {"console", 0, 0, G_OPTION_ARG_FILENAME, &options.console,
     "with --security: keep what the guest printed", "FILE"},
    {"html", 0, 0, G_OPTION_ARG_FILENAME, &options.html, "with --security: write a page for people",
     "FILE"},
    {"domain", 0, 0, G_OPTION_ARG_FILENAME, &options.domain,
     "start the <cpu> and the topology of this domain's XML", "FILE"},
    {"cpu", 0, 0, G_OPTION_ARG_STRING, &options.cpu,
     "start this model, as it is or as MODEL,+f,-f, not the plan's definition", "help|MODEL"},
    {"virt", 0, 0, G_OPTION_ARG_STRING, &options.virt, "instead of the plan's", MACHINE_VIRT_WORDS},
    {"machine", 0, 0, G_OPTION_ARG_STRING, &options.machine, "machine type instead of the plan's",
     MACHINE_WORDS "|MACHINE"},
    {"emulator", 0, 0, G_OPTION_ARG_FILENAME, &options.emulator, "the QEMU to use", "PATH"},
    {"timeout", 't', 0, G_OPTION_ARG_DOUBLE, &options.timeout,
     "give up after S seconds (30; with --security 120 for each guest)", "S"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, "write to FILE instead of stdout",
     "FILE"},
    {0},
};

static int check_options(size_t count)
{
    if (options.is_security ? options.is_migrating || count < 1
                            : count != (options.is_migrating ? 3 : 1)) {
        return command_usage("prove", "%s", prove_command.usage);
    }
    if (!options.is_security && (options.kernel != NULL || options.in != NULL ||
                                 options.console != NULL || options.html != NULL)) {
        return command_usage("prove", "--kernel, --in, --console and --html are for --security");
    }
    if (options.is_migrating && (options.is_direct || options.connect != NULL)) {
        return command_usage("prove", "--migrate takes neither --direct nor --connect");
    }
    if (options.addresses != NULL &&
        (!options.is_migrating || strchr(options.addresses, ',') == NULL)) {
        return command_usage("prove", "--addresses needs two, A,B, and --migrate");
    }
    if (options.cpu != NULL && options.domain != NULL) {
        return command_usage("prove", "--cpu and --domain exclude each other");
    }
    if (options.is_direct && options.connect != NULL) {
        return command_usage("prove", "--direct and --connect exclude each other");
    }
    if (options.timeout == UNSET) {
        options.timeout = options.is_security ? TIMEOUT_KERNEL_S : TIMEOUT_S;
    }
    if (!(options.timeout >= 1 && options.timeout <= 3600)) {
        return command_usage("prove", "--timeout must be 1 to 3600 seconds");
    }
    return EXIT_YES;
}

static char *format_result(const proof *result)
{
    if (!options.json) {
        return proof_format(result);
    }
    g_autoptr(json_t) json = record_format(&proof_record, result, NULL);
    return json_format_document(json);
}

/// What --domain gives: a definition and a shape of its own. *ret_cpu is the caller's.
static int load_domain(cpulift_cpu **ret_cpu, probe_shape *ret_shape, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    TRY(file_load(options.domain, FILE_DOCUMENT_MAX, &text, &len, err));
    TRY(shape_parse(text, len, options.domain, ret_shape, err));
    TRY(cpu_parse(text, len, options.domain, ret_cpu, err));
    return cpu_check_said(*ret_cpu, options.domain, err);
}

/// What is started, and what that points to.
struct request {
    cpulift_cpu *cpu; ///< NULL: the plan's definition
    char **addresses;
    probe_shape shape;
    struct start_options start;
};

static void clear_request(struct request *request)
{
    cpu_free(request->cpu);
    g_strfreev(request->addresses);
}
#define REQUEST_AUTO __attribute__((cleanup(clear_request))) struct request

/// `places` are the URIs of --migrate.
static int read_request(const catalog *map, const cpulift_plan *plan, char **places,
                        struct request *request, cpulift_error **err)
{
    TRY(options.domain != NULL ? load_domain(&request->cpu, &request->shape, err) : 0);
    TRY(options.cpu != NULL ? cpu_words_parse(options.cpu, map, NULL, &request->cpu, err) : 0);
    char **where = options.addresses == NULL ? NULL : g_strsplit(options.addresses, ",", 2);
    request->addresses = where;
    request->start = (struct start_options){
        .virt = options.virt != NULL ? options.virt : plan->virt,
        .machine = options.machine != NULL ? options.machine : plan->machine,
        .emulator = options.emulator,
        .uri = options.is_migrating ? places[0] : options.connect,
        .target_uri = options.is_migrating ? places[1] : NULL,
        .addresses = {where == NULL ? NULL : where[0], where == NULL ? NULL : where[1]},
        .cpu = request->cpu,
        .shape = options.domain != NULL ? &request->shape : NULL,
        .timeout_ms = (unsigned)(options.timeout * 1000),
    };
    return 0;
}

static int prove(char **arguments, char **ret_text, bool *ret_proved, cpulift_error **err)
{
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(probe_run) run = NULL;
    g_autoptr(proof) result = NULL;
    REQUEST_AUTO request = {0};
    TRY(plan_load(arguments[0], &plan, err));
    TRY(catalog_load(NULL, &map, err));
    TRY(read_request(map, plan, arguments + 1, &request, err));
    TRY((options.is_direct      ? start_direct
         : options.is_migrating ? start_migrate
                                : start_domain)(plan, &request.start, &run, err));
    TRY(proof_compute(map, plan, run, &result, err));
    bool is_binding = cpu_is_binding(request.cpu != NULL ? request.cpu : plan->cpu);
    TRY(options.is_migrating ? hops_compute(map, plan, run, is_binding, result, err) : 0);
    *ret_text = format_result(result);
    *ret_proved = result->is_proved;
    return 0;
}

/// --security. Arguments behind the plan are the hosts' documents.
static int prove_kernel(char **arguments, size_t count, char **ret_text, bool *ret_proved,
                        cpulift_error **err)
{
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(json_t) document = NULL;
    REQUEST_AUTO request = {0};
    TRY(plan_load(arguments[0], &plan, err));
    TRY(catalog_load(NULL, &map, err));
    TRY(read_request(map, plan, arguments + 1, &request, err));
    const struct prove_security how = {
        .map = map,
        .plan = plan,
        .start = request.start,
        .is_direct = options.is_direct,
        .kernel = options.kernel,
        .against = options.in,
        .console = options.console,
        .places = arguments + 1,
        .place_count = count - 1,
    };
    TRY(prove_security(&how, &document, ret_proved, err));
    g_autofree char *page =
        protection_page_format(document, prove_security_answer(document, *ret_proved));
    TRY(options.html != NULL ? command_output(options.html, page, err) : 0);
    *ret_text = options.json ? json_format_document(document)
                             : prove_security_format(document, *ret_proved);
    return 0;
}

static int run_prove(char **arguments, size_t count)
{
    if (values_is_help(options.cpu)) {
        return values_list_cpus();
    }
    int usage = check_options(count);
    if (usage != EXIT_YES) {
        return usage;
    }
    g_autofree char *text = NULL;
    g_autoptr(cpulift_error) err = NULL;
    bool is_proved = false;
    int rc = options.is_security ? prove_kernel(arguments, count, &text, &is_proved, &err)
                                 : prove(arguments, &text, &is_proved, &err);
    return rc != 0 ? command_fail(&err)
                   : command_finish(options.output, text, is_proved ? EXIT_YES : EXIT_NO);
}

static const struct command_values values[] = {
    {.kind = "MODEL", .list = values_add_models, .list_more = values_add_features},
    {0},
};

const struct command prove_command = {
    .name = "prove",
    .arguments = "PLAN [URI_A URI_B|HOST…]",
    .description =
        "Starts a guest of a few KiB with the plan's definition. On each of its CPUs it reads "
        "every leaf of CPUID and executes an instruction of each set that the plan announces; "
        "that is compared with the plan. It has two cores, or the topology of the domain that "
        "--domain names. With --migrate it is migrated live from one host to another and back, "
        "and must see the same CPU after each hop. With --security it is a Linux kernel that "
        "boots, "
        "and what it says of the CPU's vulnerabilities is held against what the hosts' kernels say "
        "(host documents; none: this machine). Exit status: 0 proved, 1 not proved, 2 failed.",
    .options = entries,
    .json = &options.json,
    .max = COMMAND_MANY,
    .usage = "one PLAN is needed; with --migrate PLAN URI_A URI_B; with --security PLAN HOST…",
    .values = values,
    .run = run_prove,
};
