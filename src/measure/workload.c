// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/workload.h"

#include "base/programs.h"
#include "base/text.h"

#include <string.h>

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

/// docs/METHOD.md, "Default on AMD". OpenBLAS issue 5831, pull request 5840.
static const struct workload_known opteron = {
    .reason = "killed by signal 4 ",
    .models = ARGV("Opteron_G1", "Opteron_G2", "kvm64", "qemu64"),
    .vendors = ARGV("AuthenticAMD", "HygonGenuine"),
    .words = "OpenBLAS takes AMD's family 15, which qemu64 and kvm64 announce, for an Opteron and "
             "executes 3DNow! instructions, which AMD's CPUs have not had since 2011: on such "
             "hosts the definition has no figure",
};

/// Sorted as the paper's figures are. Ratios: the abstract and section 4 of the 2014 paper.
static const struct workload_kind kinds[] = {
    {
        .name = "linpack",
        .steps = {[WORKLOAD_PREPARE] = ARGV("cpulift-linpack", "--check"),
                  [WORKLOAD_RUN] = ARGV("cpulift-linpack", "--threads", "{vcpus}")},
        .quick = ARGV("--order", "2000", "--repeats", "3"),
        .figure = "gflops",
        .is_higher_better = true,
        .details = ARGV("blas_core", "openblas_core"),
        .detail_name = "kernels",
        .library = "blas",
        .title = "Linpack: rate of a dense solve",
        .known = &opteron,
        .paper = "Figure 4",
        .paper_words = "+13.1 %",
    },
    {
        .name = "transcode",
        .steps = {[WORKLOAD_PREPARE] = ARGV("cpulift-transcode", "clip"),
                  [WORKLOAD_RUN] = ARGV("cpulift-transcode", "encode", "--threads", "{vcpus}",
                                        "--output", "{output}"),
                  [WORKLOAD_CHECK] = ARGV("cpulift-transcode", "check", "--output", "{output}")},
        .needs = ARGV("HandBrakeCLI", "ffmpeg", "ffprobe"),
        .quick = ARGV("--seconds", "1"),
        .figure = "time",
        .title = "Video transcode: time with HandBrake",
        .paper = "Figure 5",
        .paper_words = "−51.7 %",
    },
    {
        .name = "ddg",
        .steps = {[WORKLOAD_RUN] =
                      ARGV("mpiexec", "--oversubscribe", "--bind-to", "none", "-n", "{vcpus}",
                           "cpulift-ddg", "-grid", "reference", "-progress", "off")},
        .needs = ARGV("orted", "/usr/lib/x86_64-linux-gnu/openmpi/lib/openmpi3",
                      "/usr/lib/x86_64-linux-gnu/pmix2", "/usr/share/openmpi", "/etc/openmpi"),
        .quick = ARGV("-vg", "0.5,1"),
        .figure = "time",
        .details = ARGV("kernels"),
        .detail_name = "kernels",
        .title = "Device simulator: time of a bias sweep",
        .paper = "Figure 6",
        .paper_words = "±0",
    },
};

const struct workload_kind *workload_get_kinds(size_t *ret_count)
{
    *ret_count = G_N_ELEMENTS(kinds);
    return kinds;
}

const struct workload_kind *workload_find_kind(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

int workload_new(const char *name, bool is_quick, bench_workload **ret_workload,
                 cpulift_error **err)
{
    const struct workload_kind *kind = workload_find_kind(name);
    if (kind == NULL) {
        const char *names[G_N_ELEMENTS(kinds) + 1] = {0};
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
            names[i] = kinds[i].name;
        }
        g_autofree char *all = text_join_some(names, G_N_ELEMENTS(kinds), G_N_ELEMENTS(kinds));
        g_autofree char *meant = text_suggest(name, names);
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "'%s' is no workload: there are %s; your own program goes into "
                                 "--command%s",
                                 name, all, meant);
    }
    bench_workload *w = g_new0(bench_workload, 1);
    w->name = g_strdup(name);
    w->arguments = is_quick ? g_strdupv((char **)kind->quick) : g_new0(char *, 1);
    *ret_workload = w;
    return 0;
}

static int split(const char *line, char ***ret_words, cpulift_error **err)
{
    g_autoptr(GError) error = NULL;
    if (!g_shell_parse_argv(line, NULL, ret_words, &error)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "cannot split '%s' into words: %s", line,
                                 error->message);
    }
    return 0;
}

/// The program's own name, as far as it may stand in documents.
static char *name_from_program(const char *program)
{
    g_autofree char *base = g_path_get_basename(program);
    for (char *c = base; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && strchr("._-+", *c) == NULL) {
            *c = '_';
        }
    }
    return g_strdup_printf("command-%s", base);
}

int workload_new_command(const char *line, bench_workload **ret_workload, cpulift_error **err)
{
    g_auto(GStrv) words = NULL;
    TRY(split(line, &words, err));
    bench_workload *w = g_new0(bench_workload, 1);
    w->name = name_from_program(words[0]);
    w->arguments = g_new0(char *, 1);
    w->command = g_steal_pointer(&words);
    *ret_workload = w;
    return 0;
}

#define WORKLOAD(member) RECORD_AT(bench_workload, member)

const struct record workload_record = {
    RECORD_ROWS({"name", &record_name, WORKLOAD(name), RECORD_REQUIRED},
                {"arguments", &record_strings, WORKLOAD(arguments), RECORD_REQUIRED | RECORD_TEXT,
                 .meaning = "added to every command of it"},
                {"command", &record_strings, WORKLOAD(command), RECORD_TEXT, .min = 1,
                 .meaning = "the user's own program, timed as a whole"}),
    .size = sizeof(bench_workload),
    .destroy = workload_free,
};

void workload_free(void *w)
{
    record_free(&workload_record, w);
}

static char **join(char *const *left, char *const *right)
{
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    g_strv_builder_addv(words, (const char **)left);
    g_strv_builder_addv(words, (const char **)right);
    return g_strv_builder_end(words);
}

int workload_add_arguments(bench_workload *w, const char *line, cpulift_error **err)
{
    g_auto(GStrv) words = NULL;
    TRY(split(line, &words, err));
    char **all = join(w->arguments, words);
    g_strfreev(w->arguments);
    w->arguments = all;
    return 0;
}

static char *fill(const char *word, unsigned vcpus, const char *output)
{
    if (strcmp(word, "{vcpus}") == 0) {
        return g_strdup_printf("%u", vcpus);
    }
    return g_strdup(strcmp(word, "{output}") == 0 ? output : word);
}

/// Every one of our programs in the command is replaced by where it is: `mpiexec … cpulift-ddg`.
static int find_programs(char **argv, cpulift_error **err)
{
    for (size_t i = 0; argv[i] != NULL; i++) {
        if (i == 0 || g_str_has_prefix(argv[i], "cpulift-")) {
            char *path = NULL;
            TRY(programs_find(argv[i], &path, err));
            g_free(argv[i]);
            argv[i] = path;
        }
    }
    return 0;
}

int workload_get_argv(const bench_workload *w, enum workload_step step, unsigned vcpus,
                      const char *output, char ***ret_argv, cpulift_error **err)
{
    const struct workload_kind *kind = workload_find_kind(w->name);
    const char *const *base = w->command != NULL
                                  ? (step == WORKLOAD_RUN ? (const char *const *)w->command : NULL)
                                  : kind->steps[step];
    *ret_argv = NULL;
    if (base == NULL) {
        return 0;
    }
    g_auto(GStrv) argv = join((char *const *)base, w->arguments);
    for (size_t i = 0; w->command == NULL && base[i] != NULL; i++) {
        char *word = fill(argv[i], vcpus, output);
        g_free(argv[i]);
        argv[i] = word;
    }
    TRY(w->command == NULL ? find_programs(argv, err) : 0);
    *ret_argv = g_steal_pointer(&argv);
    return 0;
}
