// SPDX-License-Identifier: LGPL-2.1-or-later
/// Workloads in guests of their own: one guest for each sample, started by libvirt with the
/// definition, from a kernel and an initramfs that holds the workload's own files.
#include "base/programs.h"
#include "measure/closure.h"
#include "measure/console.h"
#include "measure/guest.h"
#include "measure/place.h"
#include "measure/process.h"
#include "virt/boot.h"
#include "virt/kernel.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CONNECT_MS = 60000,
    PROBE_SECONDS = 45, ///< in which a guest that does nothing must have ended, or KVM is broken
};

/// Where a prepared clip stands in the guest, whose home is /root.
#define GUEST_CACHE  "/root/.cache/cpulift"
#define GUEST_OUTPUT "/tmp/output.mp4"

typedef struct guests {
    virt_conn *conn;
    const bench_settings *settings;
    const char *folder;
    char *kernel;
    bool is_kvm;
} guests;

/// A path in this series' folder. The caller frees it.
static char *get_path(const struct guests *g, const char *name, const char *suffix)
{
    return g_strdup_printf("%s/%s.%s", g->folder, name, suffix);
}

/// One word on each line, an empty line at the end: see workloads/guest/init.c.
static int add_command(GString *commands, char **argv, cpulift_error **err)
{
    for (char **word = argv; *word != NULL; word++) {
        if (**word == '\0' || strchr(*word, '\n') != NULL) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "a guest cannot be given the argument '%s'", *word);
        }
        g_string_append_printf(commands, "%s\n", *word);
    }
    g_string_append_c(commands, '\n');
    return 0;
}

/// Adds the command of a step, with its program and what that runs.
static int add_step(cpio *a, const bench_workload *w, enum workload_step step, unsigned vcpus,
                    GString *commands, cpulift_error **err)
{
    g_auto(GStrv) argv = NULL;
    TRY(workload_get_argv(w, step, vcpus, GUEST_OUTPUT, &argv, err));
    for (char **word = argv; word != NULL && *word != NULL; word++) {
        g_autofree char *path = word == argv ? g_find_program_in_path(*word) : NULL;
        bool is_program =
            path != NULL || (**word == '/' && g_file_test(*word, G_FILE_TEST_IS_EXECUTABLE));
        if (is_program) {
            TRY(closure_add_program(a, path != NULL ? path : *word, err));
        }
    }
    return argv != NULL ? add_command(commands, argv, err) : 0;
}

/// The programs and folders that a workload's programs use in their turn.
static int add_needs(cpio *a, const bench_workload *w, cpulift_error **err)
{
    const struct workload_kind *kind = workload_find_kind(w->name);
    for (const char *const *name = kind != NULL ? kind->needs : NULL; name != NULL && *name != NULL;
         name++) {
        g_autofree char *path = NULL;
        if (**name == '/') {
            TRY(closure_add_folder(a, *name, err));
            continue;
        }
        TRY(programs_find(*name, &path, err));
        TRY(closure_add_program(a, path, err));
    }
    return 0;
}

/// The file that the preparing step names, into the guest's cache.
static int add_prepared(cpio *a, const bench_workload *w, char **environment, cpulift_error **err)
{
    g_auto(GStrv) argv = NULL;
    g_auto(process_outcome) p = {0};
    TRY(workload_get_argv(w, WORKLOAD_PREPARE, 1, "", &argv, err));
    if (argv == NULL) {
        return 0;
    }
    const struct process_options options = {.argv = argv, .environment = environment};
    TRY(process_run(&options, &p, err));
    g_strchomp(p.output);
    if (*p.output == '\0') {
        return 0;
    }
    g_autofree char *name = g_path_get_basename(p.output);
    g_autofree char *target = g_build_filename(GUEST_CACHE, name, NULL);
    return cpio_add_file(a, target, p.output, err);
}

/// An initramfs with the guest's first process, its commands (none without a workload) and their
/// files.
static int build(const char *path, const struct job *job, cpulift_error **err)
{
    g_autoptr(cpio) a = NULL;
    g_autoptr(GString) commands = g_string_new(NULL);
    g_autofree char *init = NULL;
    TRY(programs_find("cpulift-guest-init", &init, err));
    TRY(cpio_open(path, &a, err));
    TRY(cpio_add_file(a, "/init", init, err));
    for (int step = WORKLOAD_RUN; job != NULL && step < WORKLOAD_STEPS; step++) {
        TRY(add_step(a, job->workload, step, job->vcpus, commands, err));
    }
    if (job != NULL) {
        TRY(add_needs(a, job->workload, err));
        TRY(add_prepared(a, job->workload, job->environment, err));
    }
    TRY(cpio_add_folder(a, "/root", err));
    TRY(cpio_add_text(a, "/cpulift/commands", commands->str, commands->len, err));
    return cpio_finish(a, err);
}

/// libvirt's QEMU may be another user: it must find the files, in a folder that others cannot list.
static void open_to_qemu(const char *folder, const char *file)
{
    chmod(folder, 0711);
    chmod(file, 0644);
}

/// Starts a guest and reads what its serial line said. *ret_console is NULL where it did not start.
static int boot(struct guests *g, const char *cpu, unsigned vcpus, unsigned timeout,
                const char *initramfs, char **ret_console, struct boot_end *end,
                cpulift_error **err)
{
    g_autofree char *console = get_path(g, "console", "log");
    g_autofree char *name = g_strdup_printf("cpulift-bench-%d", (int)getpid());
    const struct guest guest = {
        .name = name,
        .cpu = cpu,
        .kernel = g->kernel,
        .initramfs = initramfs,
        .console = console,
        .is_kvm = g->is_kvm,
        .vcpus = vcpus,
        .memory = g->settings->memory,
        .host_cpus = process_count_cpus(),
    };
    g_autofree char *domain = guest_format(&guest);
    const struct boot_options options = {
        .domain = domain, .timeout = timeout, .is_stopped = process_is_interrupted};
    open_to_qemu(g->folder, initramfs);
    unlink(console);
    *ret_console = NULL;
    TRY(boot_run(g->conn, &options, end, err));
    if (end->refusal == NULL) {
        g_file_get_contents(console, ret_console, NULL, NULL);
    }
    return 0;
}

/// Whether a guest that does nothing comes to its end.
static int probe(struct guests *g, bool *ret_works, char **ret_why, cpulift_error **err)
{
    g_autofree char *initramfs = get_path(g, "probe", "cpio"), *cpu = NULL, *console = NULL;
    const bench_definition plain = {.name = (char *)"probe", .argument = (char *)"default"};
    struct boot_end end = {0};
    TRY(build(initramfs, NULL, err));
    TRY(guest_format_cpu(&plain, g->is_kvm, &cpu, err));
    TRY(boot(g, cpu, 1, PROBE_SECONDS, initramfs, &console, &end, err));
    bool is_done = false;
    if (console != NULL) {
        g_ptr_array_unref(console_parse(console, &is_done));
    }
    *ret_works = is_done;
    *ret_why = end.refusal != NULL ? end.refusal
               : end.is_timeout    ? g_strdup_printf("it had not ended after %d s", PROBE_SECONDS)
                                   : g_strdup("its kernel did not come up");
    return 0;
}

/// KVM where it works; TCG only for those who insist.
static int choose_accelerator(struct guests *g, cpulift_error **err)
{
    g_autofree char *why = NULL;
    bool works = false;
    g->is_kvm = true;
    TRY(probe(g, &works, &why, err));
    if (works) {
        return 0;
    }
    if (!g->settings->allow_tcg) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "KVM does not run a guest here (%s); times of emulated guests say "
                                 "nothing of a CPU, --allow-tcg takes them all the same, marked",
                                 why);
    }
    g->is_kvm = false;
    g_clear_pointer(&why, g_free);
    TRY(probe(g, &works, &why, err));
    return works ? 0 : cpulift_error_set(err, CPULIFT_EREMOTE, "no guest runs here: %s", why);
}

static void close_guest(void *data)
{
    struct guests *g = data;
    if (g != NULL) {
        conn_free(g->conn);
        g_free(g->kernel);
        g_free(g);
    }
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(guests, close_guest)

static int open_guest(const bench_settings *s, const char *folder, void **ret_data,
                      cpulift_error **err)
{
    g_autoptr(guests) g = g_new0(guests, 1);
    g->settings = s;
    g->folder = folder;
    TRY(kernel_find(s->kernel, &g->kernel, err));
    for (unsigned i = 0; i < s->definitions->len; i++) {
        g_autofree char *cpu = NULL;
        TRY(guest_format_cpu(s->definitions->pdata[i], true, &cpu, err));
    }
    TRY(conn_open(s->uri, CONN_FULL, CONNECT_MS, &g->conn, err));
    TRY(choose_accelerator(g, err));
    *ret_data = g_steal_pointer(&g);
    return 0;
}

static void judge(const struct job *job, const char *console, bench_outcome *o)
{
    bool is_done = false;
    g_autoptr(GPtrArray) commands = console_parse(console, &is_done);
    const struct console_command *run = commands->len > 0 ? commands->pdata[0] : NULL;
    const struct console_command *check = commands->len > 1 ? commands->pdata[1] : NULL;
    if (run == NULL || !is_done) {
        o->reason = g_strdup("the guest did not come to its end");
        return;
    }
    if (job->workload->command != NULL) {
        outcome_from_times(run->status, run->said, run->wall, run->cpu, o);
        return;
    }
    o->reason = outcome_explain(run->status, run->output, run->said);
    if (o->reason == NULL && check != NULL) {
        o->reason = outcome_explain(check->status, check->output, check->said);
    }
    if (o->reason == NULL) {
        outcome_from_output(run->output, check != NULL ? check->output : NULL, o);
    }
}

static int run_guest(void *data, const struct job *job, bench_outcome *ret_outcome,
                     cpulift_error **err)
{
    struct guests *g = data;
    g_autofree char *name = g_strdup_printf("%s-%u", job->workload->name, job->vcpus);
    g_autofree char *initramfs = get_path(g, name, "cpio"), *cpu = NULL, *console = NULL;
    struct boot_end end = {0};
    TRY(guest_format_cpu(job->definition, g->is_kvm, &cpu, err));
    if (access(initramfs, R_OK) != 0) {
        TRY(build(initramfs, job, err));
    }
    TRY(boot(g, cpu, job->vcpus, job->timeout, initramfs, &console, &end, err));
    ret_outcome->accelerator = g->is_kvm ? "kvm" : "tcg";
    if (end.refusal != NULL) {
        ret_outcome->reason = g_strdup_printf("refused: %s", end.refusal);
        g_free(end.refusal);
    } else if (end.is_timeout) {
        ret_outcome->reason = g_strdup_printf("not done after %u s", job->timeout);
    } else {
        judge(job, console != NULL ? console : "", ret_outcome);
    }
    return place_keep(job, "console", console != NULL ? console : "",
                      ret_outcome->reason != NULL ? ret_outcome->reason : "", err);
}

const struct place place_guest = {
    .open = open_guest,
    .run = run_guest,
    .close = close_guest,
};
