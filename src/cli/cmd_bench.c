// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "measure/environment.h"
#include "measure/machine.h"
#include "measure/process.h"
#include "measure/runner.h"
#include "measure/tuned.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char **opt_cpu, **opt_command, **opt_args;
static char *opt_cpus, *opt_in, *opt_output, *opt_kernel, *opt_connect;
static int opt_runs, opt_timeout, opt_memory;
static gboolean opt_quick, opt_resume, opt_tcg;

static const GOptionEntry options[] = {
    {"cpus", 0, 0, G_OPTION_ARG_STRING, &opt_cpus, "numbers of CPUs to use (1,2,4)", "LIST"},
    {"cpu", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_cpu,
     "a definition: default, paper, tuned, host, bare (without `run`), a model, a plan or XML file",
     "DEF"},
    {"in", 0, 0, G_OPTION_ARG_STRING, &opt_in, "process (under `run`) or guest", "PLACE"},
    {"runs", 0, 0, G_OPTION_ARG_INT, &opt_runs, "runs that count, after a warm-up (5)", "N"},
    {"command", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_command, "time a program of yours", "CMD"},
    {"args", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_args, "arguments for a workload",
     "WORKLOAD=ARGS"},
    {"quick", 0, 0, G_OPTION_ARG_NONE, &opt_quick, "small workloads: minutes, not hours", NULL},
    {"timeout", 0, 0, G_OPTION_ARG_INT, &opt_timeout, "longest time of a sample (1800)", "SECONDS"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &opt_output, "where the samples go (samples.json)",
     "FILE"},
    {"resume", 0, 0, G_OPTION_ARG_NONE, &opt_resume, "continue the series in the output file",
     NULL},
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &opt_connect, "libvirt connection for guests", "URI"},
    {"kernel", 0, 0, G_OPTION_ARG_FILENAME, &opt_kernel, "kernel of the guests", "FILE"},
    {"memory", 0, 0, G_OPTION_ARG_INT, &opt_memory, "memory of a guest (2048)", "MIB"},
    {"allow-tcg", 0, 0, G_OPTION_ARG_NONE, &opt_tcg, "time emulated guests too, and mark them",
     NULL},
    {0},
};

static int add_workloads(bench_settings *s, char **names, size_t count, cpulift_error **err)
{
    static const char *const all[] = {"linpack", "transcode", "ddg"};
    bool is_default = count == 0 && opt_command == NULL;
    const char *const *list = is_default ? all : (const char *const *)names;
    for (size_t i = 0; i < (is_default ? G_N_ELEMENTS(all) : count); i++) {
        g_autoptr(cpulift_error) missing = NULL;
        g_autoptr(bench_workload) w = NULL;
        g_auto(GStrv) argv = NULL;
        int rc = workload_new(list[i], opt_quick, &w, err);
        if (rc != 0) {
            return rc;
        }
        if (is_default && workload_get_argv(w, WORKLOAD_RUN, 1, "", &argv, &missing) != 0) {
            command_warn("without '%s': %s", list[i], missing->message);
            continue;
        }
        rc = settings_add_workload(s, g_steal_pointer(&w), err);
        if (rc != 0) {
            return rc;
        }
    }
    for (char **line = opt_command; line != NULL && *line != NULL; line++) {
        bench_workload *w = NULL;
        int rc = workload_new_command(*line, &w, err);
        rc = rc == 0 ? settings_add_workload(s, w, err) : rc;
        if (rc != 0) {
            return rc;
        }
    }
    return s->workloads->len > 0
               ? 0
               : cpulift_error_set(err, CPULIFT_EMISSING, "there is no workload to run");
}

static int add_arguments(bench_settings *s, cpulift_error **err)
{
    for (char **pair = opt_args; pair != NULL && *pair != NULL; pair++) {
        const char *equals = strchr(*pair, '=');
        bench_workload *found = NULL;
        for (unsigned i = 0; equals != NULL && i < s->workloads->len; i++) {
            bench_workload *w = s->workloads->pdata[i];
            size_t len = (size_t)(equals - *pair);
            found = strlen(w->name) == len && strncmp(w->name, *pair, len) == 0 ? w : found;
        }
        if (found == NULL) {
            return cpulift_error_set(
                err, CPULIFT_EINPUT,
                "--args '%s' is not WORKLOAD=ARGUMENTS of a workload that runs", *pair);
        }
        int rc = workload_add_arguments(found, equals + 1, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int add_definitions(bench_settings *s, cpulift_error **err)
{
    static const char *const usual[] = {"default", "paper", "tuned", "host", NULL};
    static const char *const quick[] = {"default", "paper", "tuned", NULL};
    const char *const *list = opt_cpu != NULL ? (const char *const *)opt_cpu
                              : opt_quick     ? quick
                                              : usual;
    int rc = 0;
    for (; rc == 0 && *list != NULL; list++) {
        if (strcmp(*list, "tuned") == 0) {
            g_autofree char *plan = NULL;
            rc = tuned_compute(s->is_guest, &plan, err);
            rc = rc == 0 ? settings_add_document(s, "tuned", plan, err) : rc;
        } else {
            rc = settings_add_definition(s, *list, err);
        }
    }
    return rc;
}

static int fill_settings(bench_settings *s, char **names, size_t count, cpulift_error **err)
{
    s->is_guest = opt_in != NULL && strcmp(opt_in, "guest") == 0;
    s->allow_tcg = opt_tcg;
    s->runs = opt_runs > 0 ? (unsigned)opt_runs : opt_quick ? 3 : s->runs;
    s->timeout = opt_timeout > 0 ? (unsigned)opt_timeout : s->timeout;
    s->memory = opt_memory > 0 ? (unsigned)opt_memory : s->memory;
    s->uri = g_strdup(opt_connect);
    s->kernel = g_strdup(opt_kernel);
    int rc = settings_check(s, err);
    rc = rc != 0 ? rc
                 : settings_set_vcpus(s,
                                      opt_cpus != NULL ? opt_cpus
                                      : opt_quick      ? "1,2"
                                                       : "1,2,4",
                                      err);
    rc = rc == 0 ? add_workloads(s, names, count, err) : rc;
    rc = rc == 0 ? add_arguments(s, err) : rc;
    return rc == 0 ? add_definitions(s, err) : rc;
}

/// "12 min", "40 s".
static char *format_left(double seconds)
{
    if (seconds < 0) {
        return g_strdup("time left not known yet");
    }
    return seconds < 90 ? g_strdup_printf("%.0f s left", seconds)
                        : g_strdup_printf("%.0f min left", seconds / 60);
}

static void print_finished(const struct runner_event *e)
{
    const struct workload_kind *kind = workload_find_kind(e->workload);
    const char *unit = "";
    double value;
    fprintf(stderr, "%zu/%zu %s %s %u CPU%s run %u%s: ", e->done, e->total, e->workload, e->cpu,
            e->vcpus, e->vcpus == 1 ? "" : "s", e->run, e->run == 0 ? " (warm-up)" : "");
    if (e->finished->reason != NULL) {
        fprintf(stderr, "FAILED: %s\n", e->finished->reason);
    } else if (sample_get_figure(e->finished, kind != NULL ? kind->figure : "time", &value,
                                 &unit)) {
        fprintf(stderr, "%.4g %s\n", value, unit);
    }
}

/// On a terminal one line that is written over; elsewhere one for each sample.
static void tell(void *data, const struct runner_event *e)
{
    (void)data;
    bool is_terminal = isatty(STDERR_FILENO);
    if (e->finished != NULL) {
        fputs(is_terminal ? "\r\033[K" : "", stderr);
        print_finished(e);
    } else if (is_terminal) {
        g_autofree char *left = format_left(e->seconds_left);
        fprintf(stderr, "\r\033[K%zu/%zu %s %s %u … %s", e->done + 1, e->total, e->workload, e->cpu,
                e->vcpus, left);
    }
}

static int count_failed(const bench_samples *s)
{
    int failed = 0;
    for (unsigned i = 0; i < s->list->len; i++) {
        failed += ((const bench_sample *)s->list->pdata[i])->reason != NULL;
    }
    return failed;
}

static int run_series(const bench_settings *s, bench_samples *made, const char *path,
                      char **environment)
{
    g_autoptr(cpulift_error) err = NULL;
    bool is_stdout = strcmp(path, "-") == 0;
    const struct runner runner = {
        .settings = s,
        .place = s->is_guest ? &place_guest : &place_process,
        .samples = made,
        .path = is_stdout ? NULL : path,
        .environment = environment,
        .tell = tell,
    };
    process_catch_signals();
    if (runner_run(&runner, &err) != 0) {
        if (made->list->len > 0 && !is_stdout) {
            cpulift_error_prefix(&err,
                                 "%u samples are kept in '%s' and 'cpulift bench --resume -o %s' "
                                 "goes on",
                                 made->list->len, path, path);
        }
        return command_fail(&err);
    }
    int failed = count_failed(made);
    if (failed > 0) {
        command_warn("%d of %u samples failed; no figure is made from them", failed,
                     made->list->len);
    }
    g_autofree char *text = is_stdout ? samples_format(made) : g_strdup("");
    return command_finish(NULL, text, failed > 0 ? EXIT_FAILED : EXIT_YES);
}

static int resume(const char *path, char **environment)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(bench_samples) made = NULL;
    g_autoptr(bench_settings) s = NULL;
    if (samples_load(path, &made, &err) != 0 || settings_from_json(made->settings, &s, &err) != 0) {
        return command_fail(&err);
    }
    return run_series(s, made, path, environment);
}

static int start(const char *path, char **names, size_t count, char **environment, json_t *removed)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(bench_settings) s = settings_new();
    if (fill_settings(s, names, count, &err) != 0) {
        return command_fail(&err);
    }
    json_t *json = settings_to_json(s);
    json_object_set(json, "environment_removed", removed);
    g_autoptr(bench_samples) made = samples_new(machine_read(), json);
    return run_series(s, made, path, environment);
}

/// True if an option is given that the document of a series already settles.
static bool has_settings(void)
{
    return opt_cpu || opt_args || opt_cpus || opt_command || opt_in || opt_runs || opt_timeout ||
           opt_memory || opt_quick || opt_kernel || opt_connect || opt_tcg;
}

/// A series may take hours: that its samples cannot be kept must be known before the first.
static int check_output(const char *path, cpulift_error **err)
{
    g_autofree char *folder = g_path_get_dirname(path);
    if (strcmp(path, "-") == 0 || access(folder, W_OK | X_OK) == 0) {
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_ESYSTEM,
                             "cannot keep samples in '%s': %s; choose another --output", path,
                             g_strerror(errno));
}

static int run(char **names, size_t count)
{
    const char *path = opt_output != NULL ? opt_output : "samples.json";
    if (opt_in != NULL && strcmp(opt_in, "guest") != 0 && strcmp(opt_in, "process") != 0) {
        return command_usage("bench", "--in '%s' is neither process nor guest", opt_in);
    }
    if (opt_runs < 0 || opt_timeout < 0 || opt_memory < 0) {
        return command_usage("bench", "a count cannot be negative");
    }
    if (opt_resume && (count > 0 || has_settings())) {
        return command_usage("bench", "--resume goes on with the settings in '%s'; give no others",
                             path);
    }
    if (!opt_resume && strcmp(path, "-") != 0 && access(path, F_OK) == 0) {
        return command_usage("bench",
                             "'%s' is there already; --resume goes on with it, or choose "
                             "another --output",
                             path);
    }
    g_autoptr(cpulift_error) err = NULL;
    if (check_output(path, &err) != 0) {
        return command_fail(&err);
    }
    g_auto(GStrv) own = g_get_environ();
    g_autoptr(json_t) removed = NULL;
    g_auto(GStrv) environment = environment_clean(own, &removed);
    return opt_resume ? resume(path, environment) : start(path, names, count, environment, removed);
}

const struct command bench_command = {
    .name = "bench",
    .arguments = "[WORKLOAD]…",
    .description = "Runs linpack, transcode, ddg or your own program under CPU definitions, "
                   "interleaved, and keeps every sample; 'cpulift report' draws them.",
    .options = options,
    .max = COMMAND_MANY,
    .run = run,
};
