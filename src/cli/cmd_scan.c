// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift scan.
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "core/host.h"
#include "virt/ask.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
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

static void show_progress(size_t done, size_t count)
{
    if (isatty(STDERR_FILENO) && count > 1) {
        fprintf(stderr, "\r%zu of %zu hosts asked%s", done, count, done == count ? "\n" : "");
    }
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

static bool is_taken(const GPtrArray *documents, const char *name)
{
    for (size_t i = 0; i < documents->len; i++) {
        if (strcmp(get_name(documents->pdata[i]), name) == 0) {
            return true;
        }
    }
    return false;
}

/// What a host that did not answer is called: as it was listed, else as its URI calls it. Never as
/// one that did. The caller frees it.
static char *name_silent(const struct ask_host *host, const GPtrArray *documents)
{
    static const char allowed[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-:@+";
    if (host->name != NULL) {
        return g_strdup(host->name);
    }
    g_autoptr(GUri) uri = host->uri != NULL ? g_uri_parse(host->uri, G_URI_FLAGS_NONE, NULL) : NULL;
    const char *server = uri != NULL ? g_uri_get_host(uri) : g_get_host_name();
    if (server != NULL && text_is_name(server) && !is_taken(documents, server)) {
        return g_strdup(server);
    }
    return g_strcanon(g_strdup(host->uri != NULL ? host->uri : "this-machine"), allowed, '-');
}

/// Says what went wrong with whom, and adds their documents: plan refuses them.
static void add_silent(const GPtrArray *hosts, GPtrArray *documents)
{
    g_autofree char *now = date_format(time(NULL));
    for (size_t i = 0; i < hosts->len; i++) {
        struct ask_host *host = hosts->pdata[i];
        if (host->document == NULL) {
            g_autofree char *name = name_silent(host, documents);
            g_ptr_array_add(documents, host_format_silent(name, now, host->err->message));
            (void)command_fail(&host->err);
        }
    }
}

/// The documents (borrowed) of those that answered; says what is doubtful about them.
static void add_answers(const GPtrArray *hosts, GPtrArray *documents)
{
    for (size_t i = 0; i < hosts->len; i++) {
        const struct ask_host *host = hosts->pdata[i];
        if (host->document == NULL) {
            continue;
        }
        if (host->uri == NULL) {
            fprintf(stderr, "cpulift: asked %s\n", host->via);
        }
        for (size_t w = 0; w < json_array_size(host->warnings); w++) {
            command_warn("'%s': %s", ask_host_to_string(host),
                         json_string_value(json_array_get(host->warnings, w)));
        }
        g_ptr_array_add(documents, json_incref(host->document));
    }
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

static int find_hosts(GPtrArray *hosts, cpulift_error **err)
{
    for (char **uri = options.connect; uri != NULL && *uri != NULL; uri++) {
        ask_hosts_add(hosts, NULL, *uri);
    }
    if (options.hosts != NULL) {
        g_autofree char *text = NULL;
        TRY(file_load(options.hosts, FILE_DOCUMENT_MAX, &text, NULL, err));
        TRY(ask_hosts_parse(hosts, text, options.hosts, err));
    }
    if (hosts->len == 0) {
        ask_hosts_add(hosts, NULL, NULL);
    }
    return 0;
}

static int put_out(GPtrArray *documents, bool is_list, cpulift_error **err)
{
    g_ptr_array_sort(documents, compare_documents);
    TRY(check_names(documents, err));
    return options.output != NULL ? save_all(documents, err) : print_all(documents, is_list, err);
}

static void free_document(void *document)
{
    json_decref(document);
}

static int finish(const GPtrArray *hosts)
{
    g_autoptr(GPtrArray) documents = g_ptr_array_new_with_free_func(free_document);
    g_autoptr(cpulift_error) err = NULL;
    add_answers(hosts, documents);
    size_t answered = documents->len;
    add_silent(hosts, documents);
    if (answered == 0 && options.output == NULL) {
        return EXIT_FAILED;
    }
    if (put_out(documents, hosts->len > 1, &err) != 0) {
        return command_fail(&err);
    }
    return answered == 0 ? EXIT_FAILED : answered < hosts->len ? EXIT_SOME : EXIT_YES;
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
    g_autoptr(GPtrArray) hosts = ask_hosts_new();
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (find_hosts(hosts, &err) != 0 ||
        (options.output != NULL && command_make_folder(options.output, &err) != 0) ||
        catalog_load(NULL, &map, &err) != 0) {
        return command_fail(&err);
    }
    const struct ask ask = {hosts, map, (unsigned)(options.timeout * 1000), (size_t)options.jobs,
                            show_progress};
    ask_all(&ask);
    return finish(hosts);
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
