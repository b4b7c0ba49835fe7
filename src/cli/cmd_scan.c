// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift scan.
#include "base/date.h"
#include "base/json.h"
#include "cli/ask_options.h"
#include "cli/commands.h"
#include "core/host.h"

#include <string.h>
#include <time.h>

static struct {
    struct ask_options ask;
    char *output, *via;
} options = {.ask = ASK_OPTIONS_DEFAULT};

static const GOptionEntry entries[] = {
    ASK_OPTIONS_ENTRIES(options.ask),
    {"via", 0, 0, G_OPTION_ARG_STRING, &options.via,
     "ask other machines' kernels for their vulnerabilities, too", "ssh"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, "write DIR/NAME.json for each host",
     "DIR"},
    {0},
};

static const char *get_name(const json_t *document)
{
    return json_get_string(document, "name");
}

static int compare_documents(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;
    return strcmp(get_name(*x), get_name(*y));
}

/// Says what went wrong with whom, and adds their documents: plan refuses them.
static void add_silent(const GPtrArray *hosts, GPtrArray *documents)
{
    g_autofree char *now = date_format(time(NULL));
    for (size_t i = 0; i < hosts->len; i++) {
        struct ask_host *host = hosts->pdata[i];
        if (host->answer == NULL) {
            g_autofree char *name = ask_options_name_silent(host, hosts);
            g_ptr_array_add(documents, host_format_silent(name, now, host->err->message));
            (void)command_fail(&host->err);
        }
    }
}

/// The documents of those that answered.
static void add_answers(const GPtrArray *hosts, GPtrArray *documents)
{
    for (size_t i = 0; i < hosts->len; i++) {
        const struct ask_host *host = hosts->pdata[i];
        if (host->answer != NULL) {
            g_ptr_array_add(documents, json_incref((json_t *)ask_options_get_document(host)));
        }
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
    int status = EXIT_YES;
    if (!ask_options_check(&options.ask, "scan", &status)) {
        return status;
    }
    options.ask.is_via_ssh = options.via != NULL;
    if (g_strcmp0(options.output, "-") == 0) {
        g_clear_pointer(&options.output, g_free);
    }
    g_autoptr(GPtrArray) hosts = ask_hosts_new();
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (ask_options_find(&options.ask, hosts, &err) != 0 ||
        (options.output != NULL && command_make_folder(options.output, &err) != 0) ||
        catalog_load(NULL, &map, &err) != 0) {
        return command_fail(&err);
    }
    if (hosts->len == 0) {
        ask_hosts_add(hosts, NULL, NULL);
    }
    ask_options_ask(&options.ask, hosts, ASK_DOCUMENT, map);
    return finish(hosts);
}

const struct command scan_command = {
    .name = "scan",
    .arguments = "",
    .description =
        "Asks hosts through libvirt what they can give a guest, and prints a host document, or one "
        "on each line where several hosts are named. In place of a libvirt's URI may stand the "
        "address of an agent, or of an etcd with many hosts. Without -c and --hosts this machine "
        "is asked: "
        "$LIBVIRT_DEFAULT_URI, else qemu:///system if it answers, else QEMU without a daemon.",
    .options = entries,
    .usage = "hosts are named by -c or --hosts",
    .run = run,
};
