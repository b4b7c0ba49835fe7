// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/values.h"
#include "core/variant.h"
#include "measure/environment.h"
#include "measure/finding.h"
#include "measure/machine.h"
#include "measure/process.h"
#include "measure/runner.h"
#include "measure/tuned.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNSET = G_MININT }; // of a count

static struct {
    char **cpu, **command, **args;
    char *cpus, *in, *output, *kernel, *connect;
    int runs, timeout, memory, deadline;
    gboolean quick, resume, drop_missing, allow_tcg, keep_failed;
} options = {.output = (char *)"samples.json",
             .runs = UNSET,
             .timeout = UNSET,
             .memory = UNSET,
             .deadline = UNSET};

static const GOptionEntry entries[] = {
    {"cpus", 0, 0, G_OPTION_ARG_STRING, &options.cpus, "numbers of CPUs to use (1,2,4)", "LIST"},
    {"cpu", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.cpu,
     "a definition: 2014, default, paper, tuned, host, bare (without `run`), a model (as it is, or "
     "MODEL,+f,-f), a plan or XML file",
     "help|" VARIANT_WORDS "|tuned|host|bare|MODEL|FILE"},
    {"drop-missing", 0, 0, G_OPTION_ARG_NONE, &options.drop_missing,
     "leave out of the definitions what this machine lacks, and say what that is", NULL},
    {"in", 0, 0, G_OPTION_ARG_STRING, &options.in, "under `run`, or in a guest", "process|guest"},
    {"runs", 0, 0, G_OPTION_ARG_INT, &options.runs, "runs that count, after a warm-up (6)", "N"},
    {"command", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.command, "time a program of yours",
     "CMD"},
    {"args", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.args, "arguments for a workload",
     "WORKLOAD=ARGS"},
    {"quick", 0, 0, G_OPTION_ARG_NONE, &options.quick, "small workloads: minutes, not hours", NULL},
    {"timeout", 't', 0, G_OPTION_ARG_INT, &options.timeout, "longest time of a sample (1800)",
     "SECONDS"},
    {"deadline", 0, 0, G_OPTION_ARG_INT, &options.deadline,
     "end after that time with the samples that are made", "SECONDS"},
    {"keep-failed", 0, 0, G_OPTION_ARG_NONE, &options.keep_failed,
     "keep what failed samples said and wrote, in the folder OUTPUT.failed", NULL},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
     "where the samples go (samples.json)", "FILE"},
    {"resume", 0, 0, G_OPTION_ARG_NONE, &options.resume, "continue the series in the output file",
     NULL},
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &options.connect, "libvirt connection for guests",
     "URI"},
    {"kernel", 0, 0, G_OPTION_ARG_FILENAME, &options.kernel, "kernel of the guests", "FILE"},
    {"memory", 0, 0, G_OPTION_ARG_INT, &options.memory, "memory of a guest (2048)", "MIB"},
    {"allow-tcg", 0, 0, G_OPTION_ARG_NONE, &options.allow_tcg,
     "time emulated guests too, and mark them", NULL},
    {0},
};

static void add_workload_names(const char *const *arguments, size_t count, GPtrArray *values)
{
    (void)arguments;
    (void)count;
    size_t known = 0;
    const struct workload_kind *kinds = workload_get_kinds(&known);
    for (size_t i = 0; i < known; i++) {
        g_ptr_array_add(values, g_strdup(kinds[i].name));
    }
}

/// One that nobody asked for may be missing.
static int add_workload(bench_settings *s, const char *name, bool is_asked, cpulift_error **err)
{
    g_autoptr(cpulift_error) missing = NULL;
    g_autoptr(bench_workload) w = NULL;
    g_auto(GStrv) argv = NULL;
    TRY(workload_new(name, options.quick, &w, err));
    if (!is_asked && workload_get_argv(w, WORKLOAD_RUN, 1, "", &argv, &missing) != 0) {
        command_warn("without '%s': %s", name, missing->message);
        return 0;
    }
    settings_add_workload(s, g_steal_pointer(&w));
    return 0;
}

static int add_workloads(bench_settings *s, char **names, size_t count, cpulift_error **err)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
    if (count == 0 && options.command == NULL) {
        add_workload_names(NULL, 0, all);
    }
    for (size_t i = 0; i < all->len; i++) {
        TRY(add_workload(s, all->pdata[i], false, err));
    }
    for (size_t i = 0; i < count; i++) {
        TRY(add_workload(s, names[i], true, err));
    }
    for (char **line = options.command; line != NULL && *line != NULL; line++) {
        bench_workload *w = NULL;
        TRY(workload_new_command(*line, &w, err));
        settings_add_workload(s, w);
        g_autofree char *program = g_find_program_in_path(w->command[0]);
        if (program == NULL) {
            return cpulift_error_set(err, CPULIFT_EMISSING,
                                     "--command: '%s' is not there; install it or name its path",
                                     w->command[0]);
        }
    }
    return s->workloads->len > 0
               ? 0
               : cpulift_error_set(err, CPULIFT_EMISSING, "there is no workload to run");
}

static int add_arguments(bench_settings *s, cpulift_error **err)
{
    for (char **pair = options.args; pair != NULL && *pair != NULL; pair++) {
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
        TRY(workload_add_arguments(found, equals + 1, err));
    }
    return 0;
}

static int add_definitions(bench_settings *s, cpulift_error **err)
{
    static const char *const usual[] = {"2014", "default", "paper", "tuned", "host", NULL};
    static const char *const quick[] = {"2014", "paper", "tuned", "host", NULL};
    const char *const *list = options.cpu != NULL ? (const char *const *)options.cpu
                              : options.quick     ? quick
                                                  : usual;
    for (; *list != NULL; list++) {
        g_autofree char *plan = NULL;
        if (strcmp(*list, "tuned") == 0) {
            TRY(tuned_compute(s->is_guest, &plan, err));
            TRY(settings_add_document(s, "tuned", plan, err));
        } else {
            TRY(settings_add_definition(s, *list, err));
        }
    }
    return 0;
}

static int fill_settings(bench_settings *s, char **names, size_t count, cpulift_error **err)
{
    s->is_guest = options.in != NULL && strcmp(options.in, "guest") == 0;
    s->drop_missing = options.drop_missing;
    s->allow_tcg = options.allow_tcg;
    s->runs = options.runs != UNSET ? (unsigned)options.runs : s->runs;
    s->timeout = options.timeout != UNSET ? (unsigned)options.timeout : s->timeout;
    s->memory = options.memory != UNSET ? (unsigned)options.memory : s->memory;
    s->uri = g_strdup(options.connect);
    s->kernel = g_strdup(options.kernel);
    const char *usual = options.quick ? "1,2" : "1,2,4";
    TRY(settings_set_vcpus(s, options.cpus != NULL ? options.cpus : usual, err));
    TRY(add_workloads(s, names, count, err));
    TRY(add_arguments(s, err));
    TRY(add_definitions(s, err));
    return settings_check(s, "settings", err);
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

static void print_finished(const struct runner_event *e, const char *left)
{
    const struct workload_kind *kind = workload_find_kind(e->workload);
    const struct figure *figure =
        result_find_figure(e->finished->result, kind != NULL ? kind->figure : "time");
    fprintf(stderr, "%zu/%zu %s %s %u CPU%s run %u%s: ", e->done, e->total, e->workload, e->cpu,
            e->vcpus, e->vcpus == 1 ? "" : "s", e->run, e->run == 0 ? " (warm-up)" : "");
    if (!e->finished->is_ok) {
        fprintf(stderr, "%s: %s%s%s\n", e->is_known ? "no figure" : "FAILED", e->finished->reason,
                e->kept != NULL ? "; kept in " : "", e->kept != NULL ? e->kept : "");
    } else if (figure != NULL) {
        fprintf(stderr, "%.4g %s%s\n", figure->value, figure->unit, left);
    }
}

/// What is left out of definitions, before the first sample.
static void tell_dropped(const GPtrArray *definitions)
{
    for (unsigned i = 0; i < definitions->len; i++) {
        const bench_definition *d = definitions->pdata[i];
        if (d->dropped != NULL) {
            command_warn("%s", d->dropped);
        }
    }
}

struct telling {
    const bench_settings *settings;
    bool has_begun;
};

/// On a terminal one line that is written over has the time left; elsewhere that of each sample.
static void tell(void *data, const struct runner_event *e)
{
    struct telling *telling = data;
    bool is_terminal = isatty(STDERR_FILENO);
    if (!telling->has_begun) {
        tell_dropped(telling->settings->definitions);
        telling->has_begun = true;
    }
    g_autofree char *left = format_left(e->seconds_left);
    if (e->finished != NULL) {
        g_autofree char *more = g_strdup_printf(", %s", left);
        fputs(is_terminal ? "\r\033[K" : "", stderr);
        print_finished(e, is_terminal ? "" : more);
    } else if (is_terminal) {
        fprintf(stderr, "\r\033[K%zu/%zu %s %s %u … %s", e->done + 1, e->total, e->workload, e->cpu,
                e->vcpus, left);
    }
}

static size_t count_missing(const bench_samples *made)
{
    const bench_settings *s = made->settings;
    return (size_t)(s->runs + 1) * s->workloads->len * json_array_size(s->vcpus) *
               s->definitions->len -
           made->list->len;
}

static int run_series(bench_samples *made, const char *path, char **environment)
{
    g_autoptr(cpulift_error) err = NULL;
    bool is_stdout = strcmp(path, "-") == 0;
    g_autofree char *kept = options.keep_failed ? g_strdup_printf("%s.failed", path) : NULL;
    const gint64 started = g_get_monotonic_time();
    struct telling telling = {.settings = made->settings};
    const struct runner runner = {
        .place = made->settings->is_guest ? &place_guest : &place_process,
        .samples = made,
        .path = is_stdout ? NULL : path,
        .kept = kept,
        .environment = environment,
        .deadline =
            options.deadline == UNSET ? 0 : started + (gint64)options.deadline * G_USEC_PER_SEC,
        .tell = tell,
        .data = &telling,
    };
    process_catch_signals();
    int rc = runner_run(&runner, &err);
    if (kept != NULL) {
        rmdir(kept); // which it is left as, unless something is kept
    }
    if (rc == 0 && made->list->len == 0) {
        rc =
            cpulift_error_set(&err, CPULIFT_ESYSTEM,
                              "the deadline came before the first sample was made; give more time");
    }
    if (rc != 0) {
        if (made->list->len > 0 && !is_stdout) {
            cpulift_error_prefix(&err, rc,
                                 "%u samples are kept in '%s' and 'cpulift bench --resume -o %s' "
                                 "goes on",
                                 made->list->len, path, path);
        }
        return command_fail(&err);
    }
    if (count_missing(made) > 0) {
        command_warn("the deadline came: %u samples are made, %zu are not%s%s", made->list->len,
                     count_missing(made), is_stdout ? "" : "; --resume goes on with ",
                     is_stdout ? "" : path);
    }
    unsigned failed = finding_count_failed(made);
    if (failed > 0) {
        command_warn("%u of %u samples failed; no figure is made from them", failed,
                     made->list->len);
    }
    g_autoptr(GPtrArray) findings = finding_list(made);
    for (unsigned i = 0; i < findings->len; i++) {
        fprintf(stderr, "cpulift: finding: %s\n", (const char *)findings->pdata[i]);
    }
    g_autofree char *text = is_stdout ? samples_format(made) : g_strdup("");
    return command_finish(NULL, text, failed > 0 ? EXIT_FAILED : EXIT_YES);
}

static int resume(const char *path, char **environment)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(bench_samples) made = NULL;
    if (samples_load(path, &made, &err) != 0 ||
        (count_missing(made) > 0 && machine_check_same(made->machine, path, &err) != 0)) {
        return command_fail(&err);
    }
    return run_series(made, path, environment);
}

static int start(const char *path, char **names, size_t count, char **environment, json_t *removed)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(bench_settings) s = settings_new();
    if (fill_settings(s, names, count, &err) != 0) {
        return command_fail(&err);
    }
    s->environment_removed = json_incref(removed);
    g_autoptr(bench_samples) made = samples_new(machine_read(), g_steal_pointer(&s));
    return run_series(made, path, environment);
}

/// True if an option is given that the document of a series already settles.
static bool has_settings(void)
{
    return options.cpu || options.args || options.cpus || options.command || options.in ||
           options.runs != UNSET || options.timeout != UNSET || options.memory != UNSET ||
           options.quick || options.kernel || options.connect || options.drop_missing ||
           options.allow_tcg;
}

/// A series may take hours: that its samples cannot be kept must be known before the first.
static int check_output(const char *path, cpulift_error **err)
{
    g_autofree char *folder = g_path_get_dirname(path);
    struct stat st;
    if (strcmp(path, "-") == 0) {
        return 0;
    }
    bool is_link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode); // which may lead nowhere
    enum file_kind kind = FILE_NONE;
    TRY(file_find_kind(path, &kind, err));
    if (kind != FILE_REGULAR && (kind != FILE_NONE || is_link)) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM,
                                 "cannot keep samples in '%s': they are written anew after each, "
                                 "and it is no regular file; choose another --output, or '-'",
                                 path);
    }
    return access(folder, W_OK | X_OK) == 0
               ? 0
               : cpulift_error_set(err, CPULIFT_ESYSTEM,
                                   "cannot keep samples in '%s': %s; choose another --output", path,
                                   g_strerror(errno));
}

static bool is_count(int value)
{
    return value == UNSET || value > 0;
}

static int run(char **names, size_t count)
{
    const char *path = options.output;
    if (options.cpu != NULL && g_strv_contains((const char *const *)options.cpu, "help")) {
        return values_list_cpus();
    }
    if (!is_count(options.runs) || !is_count(options.timeout) || !is_count(options.memory) ||
        !is_count(options.deadline)) {
        return command_usage("bench", "--runs, --timeout, --deadline and --memory are at least 1");
    }
    if (options.keep_failed && strcmp(path, "-") == 0) {
        return command_usage("bench", "--keep-failed needs an --output beside which to keep it");
    }
    if (options.drop_missing && g_strcmp0(options.in, "guest") == 0) {
        return command_usage("bench", "--drop-missing is for processes: of a guest's model libvirt "
                                      "leaves out by itself what the machine lacks");
    }
    if (options.resume && (count > 0 || has_settings())) {
        return command_usage("bench", "--resume goes on with the settings in '%s'; give no others",
                             path);
    }
    g_autoptr(cpulift_error) err = NULL;
    g_auto(samples_lock) lock = {.fd = -1};
    if (check_output(path, &err) != 0 ||
        (strcmp(path, "-") != 0 && samples_lock_take(path, &lock, &err) != 0)) {
        return command_fail(&err);
    }
    enum file_kind there = FILE_NONE;
    if (strcmp(path, "-") != 0 && file_find_kind(path, &there, &err) != 0) {
        return command_fail(&err);
    }
    if (!options.resume && there != FILE_NONE) {
        return command_usage("bench",
                             "'%s' is there already; --resume goes on with it, or choose "
                             "another --output",
                             path);
    }
    g_auto(GStrv) own = g_get_environ();
    g_autoptr(json_t) removed = NULL;
    g_auto(GStrv) environment = environment_clean(own, &removed);
    return options.resume ? resume(path, environment)
                          : start(path, names, count, environment, removed);
}

static const struct command_values values[] = {
    {.kind = "MODEL", .list = values_add_models, .list_more = values_add_features},
    {.kind = "WORKLOAD", .list = add_workload_names},
    {0},
};

const struct command bench_command = {
    .name = "bench",
    .arguments = "[WORKLOAD]…",
    .description = "Runs the 2014 paper's workloads (all that this machine has) or your own "
                   "program under CPU definitions, "
                   "interleaved, and keeps every sample; 'cpulift report' draws them.",
    .options = entries,
    .max = COMMAND_MANY,
    .values = values,
    .run = run,
};
