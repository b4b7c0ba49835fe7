// SPDX-License-Identifier: LGPL-2.1-or-later
/// Workloads as processes of this machine, under `cpulift run`.
#include "base/programs.h"
#include "measure/place.h"
#include "measure/process.h"

#include <string.h>

/// The definition that means the program alone, to measure what `run` costs.
#define BARE "bare"

enum { CHECK_TIMEOUT = 60 }; // seconds

/// `cpulift-run --cpu DEF`, with what the settings add to it; `more` follows.
static int make_argv(const bench_settings *s, const bench_definition *d, const char *folder,
                     const char *const *more, char ***ret_argv, cpulift_error **err)
{
    g_autofree char *program = NULL, *definition = NULL;
    TRY(programs_find("cpulift-run", &program, err));
    TRY(place_get_definition(d, folder, &definition, err));
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    g_strv_builder_add_many(words, program, "--cpu", definition, NULL);
    if (s->drop_missing) {
        g_strv_builder_add(words, "--drop-missing");
    }
    g_strv_builder_addv(words, (const char **)more);
    *ret_argv = g_strv_builder_end(words);
    return 0;
}

/// Puts that and `--` in front.
static int wrap(const bench_settings *s, const struct job *job, char **argv, char ***ret_argv,
                cpulift_error **err)
{
    if (strcmp(job->definition->argument, BARE) == 0) {
        *ret_argv = g_strdupv(argv);
        return 0;
    }
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    g_strv_builder_add(words, "--");
    g_strv_builder_addv(words, (const char **)argv);
    g_auto(GStrv) more = g_strv_builder_end(words);
    return make_argv(s, job->definition, job->folder, (const char *const *)more, ret_argv, err);
}

static int run_argv(const struct job *job, char **argv, unsigned cpus, process_outcome *ret_outcome,
                    cpulift_error **err)
{
    const struct process_options options = {
        .argv = argv,
        .environment = job->environment,
        .cpus = cpus,
        .timeout = job->timeout,
    };
    return process_run(&options, ret_outcome, err);
}

/// Why a program's end is no result, or NULL.
static char *explain(const process_outcome *p, const struct job *job)
{
    return p->is_timeout ? g_strdup_printf("not done after %u s", job->timeout)
                         : outcome_explain(p->status, p->output, p->complaint);
}

/// The check is not timed, so it may use every CPU and needs no definition.
static int check(const struct job *job, char **argv, const char *run_output,
                 bench_outcome *ret_outcome, cpulift_error **err)
{
    g_auto(process_outcome) p = {0};
    if (argv != NULL) {
        TRY(run_argv(job, argv, 0, &p, err));
        TRY(place_keep(job, "check", p.output, p.errors, err));
        ret_outcome->reason = explain(&p, job);
    }
    if (ret_outcome->reason == NULL) {
        outcome_from_output(run_output, p.output, ret_outcome);
    }
    return 0;
}

static int run_process(void *data, const struct job *job, bench_outcome *ret_outcome,
                       cpulift_error **err)
{
    g_autofree char *output = g_build_filename(job->output, "output.mp4", NULL);
    g_auto(GStrv) inner = NULL, argv = NULL, check_argv = NULL;
    g_auto(process_outcome) p = {0};
    TRY(workload_get_argv(job->workload, WORKLOAD_RUN, job->vcpus, output, &inner, err));
    TRY(workload_get_argv(job->workload, WORKLOAD_CHECK, job->vcpus, output, &check_argv, err));
    TRY(wrap(data, job, inner, &argv, err));
    TRY(run_argv(job, argv, job->vcpus, &p, err));
    TRY(place_keep(job, "run", p.output, p.errors, err));
    ret_outcome->accelerator = "none";
    if (job->workload->command != NULL && !p.is_timeout) {
        outcome_from_times(p.status, p.complaint, p.wall, p.cpu, ret_outcome);
        return 0;
    }
    ret_outcome->reason = explain(&p, job);
    return ret_outcome->reason == NULL ? check(job, check_argv, p.output, ret_outcome, err) : 0;
}

/// Asks `run` whether it can show the definition here, and keeps what it says of features that it
/// leaves out.
static int check_definition(const bench_settings *s, bench_definition *d, const char *folder,
                            cpulift_error **err)
{
    static const char *const check_only[] = {"--check", NULL}, warning[] = "cpulift: warning: ";
    g_auto(GStrv) argv = NULL;
    g_auto(process_outcome) p = {0};
    TRY(make_argv(s, d, folder, check_only, &argv, err));
    TRY(process_run(&(struct process_options){.argv = argv, .timeout = CHECK_TIMEOUT}, &p, err));
    if (s->drop_missing && g_str_has_prefix(p.complaint, warning)) {
        g_free(d->dropped);
        d->dropped = g_strdup(p.complaint + strlen(warning));
    }
    return p.status == 0
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT, "no sample could be made under '%s': %s",
                                   d->name, p.complaint);
}

/// Fails early where `run` is missing or refuses a definition, rather than in every sample.
static int open_process(const bench_settings *s, const char *folder, void **ret_data,
                        cpulift_error **err)
{
    *ret_data = (void *)s;
    for (unsigned i = 0; i < s->definitions->len; i++) {
        bench_definition *d = s->definitions->pdata[i];
        TRY(strcmp(d->argument, BARE) != 0 ? check_definition(s, d, folder, err) : 0);
    }
    return 0;
}

static void close_process(void *data)
{
    (void)data;
}

const struct place place_process = {
    .open = open_process,
    .run = run_process,
    .close = close_process,
};
