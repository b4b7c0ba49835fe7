// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/text.h"
#include "cli/commands.h"
#include "measure/answer.h"
#include "measure/report.h"

#include <stdio.h>
#include <string.h>

static struct {
    char *output, *base;
    gboolean tsv;
} options;

static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
     "folder for the page and its figures", "DIR"},
    {"base", 0, 0, G_OPTION_ARG_STRING, &options.base,
     "the definition that ratios are to (2014 where it was measured, else default)", "NAME"},
    {"tsv", 0, 0, G_OPTION_ARG_NONE, &options.tsv, "print the numbers as tab-separated values",
     NULL},
    {0},
};

/// Loads each document; the page calls it by its file's name.
static int load_all(char **paths, size_t count, GPtrArray *documents, GPtrArray *names,
                    cpulift_error **err)
{
    for (size_t i = 0; i < count; i++) {
        bench_samples *s = NULL;
        TRY(samples_load(paths[i], &s, err));
        char *name = g_path_get_basename(paths[i]);
        text_make_printable(name);
        g_ptr_array_add(documents, s);
        g_ptr_array_add(names, name);
        if (s->list->len == 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' holds no sample yet", paths[i]);
        }
    }
    return 0;
}

/// Ratios to a definition that nobody measured would be an empty column without a word.
static int check_base(const GPtrArray *documents, cpulift_error **err)
{
    for (unsigned i = 0; i < documents->len; i++) {
        const GPtrArray *list = ((const bench_samples *)documents->pdata[i])->list;
        for (unsigned k = 0; k < list->len; k++) {
            if (strcmp(((const bench_sample *)list->pdata[k])->cpu, options.base) == 0) {
                return 0;
            }
        }
    }
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "no sample was made under '%s', which --base names; choose one of the "
                             "definitions that were measured",
                             options.base);
}

/// The page's headlines, on standard error.
static void print_headlines(const struct report_source *source)
{
    g_autoptr(bench_summary) summary = summary_new(source->samples, source->base);
    for (unsigned w = 0; w < summary->workloads->len; w++) {
        const char *workload = summary->workloads->pdata[w];
        g_autofree char *headline = answer_format_headline(summary, workload);
        text_make_printable(headline);
        fprintf(stderr, "cpulift: %s: %s: %s\n", source->name, workload, headline);
    }
}

static int run(char **paths, size_t count)
{
    if (options.output == NULL && !options.tsv) {
        return command_usage("report", "neither --output DIR nor --tsv is given");
    }
    g_autoptr(cpulift_error) err = NULL;
    if (options.output != NULL && command_check_folder(options.output, &err) != 0) {
        return command_fail(&err);
    }
    g_autoptr(GPtrArray) documents = g_ptr_array_new_with_free_func((GDestroyNotify)samples_free);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    if (load_all(paths, count, documents, names, &err) != 0 ||
        (options.base != NULL && check_base(documents, &err) != 0)) {
        return command_fail(&err);
    }
    g_autofree struct report_source *sources = g_new0(struct report_source, count);
    for (size_t i = 0; i < count; i++) {
        sources[i] = (struct report_source){
            .name = names->pdata[i], .samples = documents->pdata[i], .base = options.base};
    }
    if (options.output != NULL && report_save(sources, count, options.output, &err) != 0) {
        return command_fail(&err);
    }
    for (size_t i = 0; options.output != NULL && i < count; i++) {
        print_headlines(&sources[i]);
    }
    g_autofree char *tsv = options.tsv ? report_format_tsv(sources, count)
                                       : g_strdup_printf("%s/index.html\n", options.output);
    return command_finish(NULL, tsv, EXIT_YES);
}

const struct command report_command = {
    .name = "report",
    .arguments = "SAMPLES…",
    .description = "Makes a page from samples that 'cpulift bench' kept: figures, medians with "
                   "confidence intervals, ratios beside the 2014 paper's, and warnings.",
    .options = entries,
    .min = 1,
    .max = COMMAND_MANY,
    .usage = "no samples are named",
    .run = run,
};
