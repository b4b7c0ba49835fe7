// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/ask_options.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask_far.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MAX_S 3600
#define PARALLEL_MAX  256

bool ask_options_check(const struct ask_options *options, const char *command, int *ret_status)
{
    if (options->timeout >= 0.1 && options->timeout <= TIMEOUT_MAX_S && options->jobs >= 1 &&
        options->jobs <= PARALLEL_MAX) {
        return true;
    }
    *ret_status = command_usage(command, "--timeout is 0.1 to %d s, --jobs 1 to %d", TIMEOUT_MAX_S,
                                PARALLEL_MAX);
    return false;
}

bool ask_options_has_hosts(const struct ask_options *options)
{
    return options->connect != NULL || options->hosts != NULL;
}

int ask_options_find(const struct ask_options *options, GPtrArray *hosts, cpulift_error **err)
{
    for (char **uri = options->connect; uri != NULL && *uri != NULL; uri++) {
        ask_hosts_add(hosts, NULL, *uri);
    }
    if (options->hosts != NULL) {
        g_autofree char *text = NULL;
        TRY(file_load(options->hosts, FILE_DOCUMENT_MAX, &text, NULL, err));
        TRY(ask_hosts_parse(hosts, text, options->hosts, err));
    }
    return ask_far_check(hosts, err);
}

static void show_progress(size_t done, size_t count)
{
    if (isatty(STDERR_FILENO) && count > 1) {
        fprintf(stderr, "\r%zu of %zu hosts asked%s", done, count, done == count ? "\n" : "");
    }
}

static void warn(const struct ask_host *host)
{
    if (host->answer != NULL && host->uri == NULL) {
        fprintf(stderr, "cpulift: asked %s\n", json_get_string(host->answer, "via"));
    }
    const json_t *warnings = json_object_get(host->answer, "warnings");
    for (size_t w = 0; w < json_array_size(warnings); w++) {
        command_warn("'%s': %s", ask_host_to_string(host),
                     json_string_value(json_array_get(warnings, w)));
    }
}

void ask_options_ask(const struct ask_options *options, GPtrArray *hosts, enum ask_what what,
                     const catalog *map)
{
    g_autoptr(GPtrArray) far = ask_far_take(hosts);
    const struct ask ask = {
        .hosts = hosts,
        .what = what,
        .map = map,
        .is_via_ssh = options->is_via_ssh,
        .timeout_ms = (unsigned)(options->timeout * 1000),
        .parallel = (size_t)options->jobs,
        .tell = show_progress,
    };
    ask_all(&ask);
    // Last: looking up names may take threads, which processes must not be forked from.
    ask_far_ask(far, ask.timeout_ms, what, hosts);
    for (size_t i = 0; i < hosts->len; i++) {
        warn(hosts->pdata[i]);
    }
}

const json_t *ask_options_get_document(const struct ask_host *host)
{
    return json_object_get(host->answer, "document");
}

static bool is_taken(const GPtrArray *hosts, const char *name)
{
    for (size_t i = 0; i < hosts->len; i++) {
        const json_t *document = ask_options_get_document(hosts->pdata[i]);
        if (g_strcmp0(json_get_string(document, "name"), name) == 0) {
            return true;
        }
    }
    return false;
}

char *ask_options_name_silent(const struct ask_host *host, const GPtrArray *hosts)
{
    static const char allowed[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-:@+";
    if (host->name != NULL) {
        return g_strdup(host->name);
    }
    g_autoptr(GUri) uri = host->uri != NULL ? g_uri_parse(host->uri, G_URI_FLAGS_NONE, NULL) : NULL;
    const char *server = uri != NULL ? g_uri_get_host(uri) : g_get_host_name();
    if (server != NULL && text_is_name(server) && !is_taken(hosts, server)) {
        return g_strdup(server);
    }
    return g_strcanon(g_strdup(host->uri != NULL ? host->uri : "this-machine"), allowed, '-');
}
