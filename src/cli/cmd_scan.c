// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift scan: each host is asked in a process of its own, since no call of libvirt has a
/// deadline.
#include "base/file.h"
#include "base/jobs.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/scan_worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MAX_S 3600
#define PARALLEL_MAX  256

static struct {
    char **connect;
    char *hosts, *output;
    double timeout; ///< s
    int jobs;
} options = {.timeout = 30, .jobs = 16};

static const GOptionEntry entries[] = {
    {"connect", 'c', 0, G_OPTION_ARG_STRING_ARRAY, &options.connect,
     "ask the libvirt at URI; may be given again", "URI"},
    {"hosts", 0, 0, G_OPTION_ARG_FILENAME, &options.hosts,
     "ask those that FILE lists: 'URI' or 'NAME URI' on each line", "FILE"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, "write DIR/NAME.json for each host",
     "DIR"},
    {"timeout", 't', 0, G_OPTION_ARG_DOUBLE, &options.timeout, "give each host S seconds (30)",
     "S"},
    {"jobs", 'j', 0, G_OPTION_ARG_INT, &options.jobs, "ask N hosts at the same time (16)", "N"},
    {0},
};

struct progress {
    const catalog *map;
    GPtrArray *targets;
    struct scan_result *results; ///< one for each target
    size_t done;
};

static char *work(void *data, size_t index)
{
    const struct progress *progress = data;
    return scan_worker_run(progress->targets->pdata[index], progress->map,
                           (unsigned)(options.timeout * 1000));
}

static void show_progress(const struct progress *progress)
{
    if (isatty(STDERR_FILENO) && progress->targets->len > 1) {
        bool is_last = progress->done == progress->targets->len;
        fprintf(stderr, "\r%zu of %u hosts asked%s", progress->done, progress->targets->len,
                is_last ? "\n" : "");
    }
}

static void take_result(void *data, size_t index, enum jobs_end end, const char *text, size_t len)
{
    struct progress *progress = data;
    const struct scan_target *target = progress->targets->pdata[index];
    struct scan_result *result = &progress->results[index];
    const char *name = scan_targets_to_string(target);
    if (end == JOBS_DONE) {
        scan_worker_parse(text, len, target, result);
    } else if (end == JOBS_LATE) {
        cpulift_error_set(&result->err, CPULIFT_EREMOTE,
                          "'%s' did not answer within %g s; check that its daemon runs, or allow "
                          "more with --timeout",
                          name, options.timeout);
    } else {
        cpulift_error_set(&result->err, CPULIFT_ESYSTEM,
                          "the process that asked '%s' was lost; ask this host alone", name);
    }
    progress->done++;
    show_progress(progress);
}

static const char *get_name(const json_t *document)
{
    return json_get_string(document, "name");
}

static int compare_documents(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;
    return strcmp(get_name(*x), get_name(*y));
}

/// Says what went wrong with whom. Returns the documents (borrowed) sorted by name.
static GPtrArray *sort_out(const struct progress *progress)
{
    GPtrArray *documents = g_ptr_array_new();
    for (size_t i = 0; i < progress->targets->len; i++) {
        struct scan_result *result = &progress->results[i];
        const struct scan_target *target = progress->targets->pdata[i];
        const char *name = scan_targets_to_string(target);
        if (result->document == NULL) {
            (void)command_fail(&result->err);
            continue;
        }
        if (target->uri == NULL) {
            fprintf(stderr, "cpulift: asked %s\n", result->via);
        }
        for (size_t w = 0; w < json_array_size(result->warnings); w++) {
            command_warn("'%s': %s", name, json_string_value(json_array_get(result->warnings, w)));
        }
        g_ptr_array_add(documents, result->document);
    }
    g_ptr_array_sort(documents, compare_documents);
    return documents;
}

static int check_names(const GPtrArray *documents, cpulift_error **err)
{
    for (size_t i = 1; i < documents->len; i++) {
        const char *name = get_name(documents->pdata[i]);
        if (strcmp(name, get_name(documents->pdata[i - 1])) == 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "two of the hosts are called '%s'; name them apart in a file "
                                     "for --hosts",
                                     name);
        }
    }
    return 0;
}

static int save_all(const GPtrArray *documents, cpulift_error **err)
{
    for (size_t i = 0; i < documents->len; i++) {
        g_autofree char *text = json_format_document(documents->pdata[i]);
        TRY(command_output_in(options.output, get_name(documents->pdata[i]), text, err));
    }
    return 0;
}

/// One host: a document; several: one on each line.
static int print_all(const GPtrArray *documents, bool is_list, cpulift_error **err)
{
    g_autoptr(GString) all = g_string_new(NULL);
    for (size_t i = 0; i < documents->len; i++) {
        g_autofree char *text = is_list ? json_format_line(documents->pdata[i])
                                        : json_format_document(documents->pdata[i]);
        g_string_append(all, text);
    }
    return command_output(NULL, all->str, err);
}

static int find_targets(GPtrArray *targets, cpulift_error **err)
{
    for (char **uri = options.connect; uri != NULL && *uri != NULL; uri++) {
        scan_targets_add(targets, NULL, *uri);
    }
    if (options.hosts != NULL) {
        g_autofree char *text = NULL;
        TRY(file_load(options.hosts, FILE_DOCUMENT_MAX, &text, NULL, err));
        TRY(scan_targets_parse(targets, text, options.hosts, err));
        if (targets->len == 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' lists no host", options.hosts);
        }
    }
    if (targets->len == 0) {
        scan_targets_add(targets, NULL, NULL);
    }
    return 0;
}

static int finish(const struct progress *progress)
{
    g_autoptr(GPtrArray) documents = sort_out(progress);
    g_autoptr(cpulift_error) err = NULL;
    if (documents->len == 0) {
        return EXIT_FAILED;
    }
    int rc = check_names(documents, &err);
    if (rc == 0) {
        rc = options.output != NULL ? save_all(documents, &err)
                                    : print_all(documents, progress->targets->len > 1, &err);
    }
    if (rc != 0) {
        return command_fail(&err);
    }
    return documents->len < progress->targets->len ? EXIT_SOME : EXIT_YES;
}

static int scan_targets(GPtrArray *targets, const catalog *map)
{
    g_autofree struct scan_result *results = g_new0(struct scan_result, targets->len);
    struct progress progress = {map, targets, results, 0};
    const struct jobs jobs = {
        .count = targets->len,
        .parallel = (size_t)options.jobs,
        .timeout_ms = (unsigned)(options.timeout * 1000),
        .data = &progress,
        .work = work,
        .done = take_result,
    };
    jobs_run(&jobs);
    int status = finish(&progress);
    for (size_t i = 0; i < targets->len; i++) {
        scan_result_clear(&results[i]);
    }
    return status;
}

static int run(char **arguments, size_t count)
{
    (void)arguments;
    (void)count;
    if (!(options.timeout >= 0.1 && options.timeout <= TIMEOUT_MAX_S) || options.jobs < 1 ||
        options.jobs > PARALLEL_MAX) {
        return command_usage("scan", "--timeout is 0.1 to %d s, --jobs 1 to %d", TIMEOUT_MAX_S,
                             PARALLEL_MAX);
    }
    g_autoptr(GPtrArray) targets = scan_targets_new();
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (find_targets(targets, &err) != 0 ||
        (options.output != NULL && command_make_folder(options.output, &err) != 0) ||
        catalog_load(NULL, &map, &err) != 0) {
        return command_fail(&err);
    }
    return scan_targets(targets, map);
}

const struct command scan_command = {
    .name = "scan",
    .arguments = "",
    .description =
        "Asks hosts through libvirt what they can give a guest, and prints a host document, or one "
        "on each line where several hosts are named. Without -c and --hosts this machine is asked: "
        "$LIBVIRT_DEFAULT_URI, else qemu:///system if it answers, else QEMU without a daemon.",
    .options = entries,
    .usage = "hosts are named by -c or --hosts",
    .run = run,
};
