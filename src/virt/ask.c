// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/ask.h"

#include "base/date.h"
#include "base/jobs.h"
#include "base/json.h"
#include "base/text.h"
#include "core/hosts_file.h"
#include "virt/guests.h"
#include "virt/opinion.h"
#include "virt/remote.h"
#include "virt/scan.h"

#include <string.h>
#include <time.h>

static void free_host(void *data)
{
    struct ask_host *host = data;
    g_free(host->name);
    g_free(host->uri);
    json_decref(host->question);
    json_decref(host->answer);
    cpulift_error_free(host->err);
    g_free(host);
}

GPtrArray *ask_hosts_new(void)
{
    return g_ptr_array_new_with_free_func(free_host);
}

void ask_hosts_add(GPtrArray *hosts, const char *name, const char *uri)
{
    struct ask_host *host = g_new0(struct ask_host, 1);
    host->name = g_strdup(name);
    host->uri = g_strdup(uri);
    g_ptr_array_add(hosts, host);
}

int ask_hosts_parse(GPtrArray *hosts, const char *text, const char *where, cpulift_error **err)
{
    g_autoptr(GPtrArray) entries = hosts_file_new();
    TRY(hosts_file_parse(entries, text, where, err));
    for (size_t i = 0; i < entries->len; i++) {
        const struct hosts_entry *entry = entries->pdata[i];
        ask_hosts_add(hosts, entry->name, entry->uri);
    }
    return 0;
}

const char *ask_host_to_string(const struct ask_host *host)
{
    if (host->name != NULL) {
        return host->name;
    }
    return host->uri != NULL ? host->uri : "this machine";
}

static int scan(const virt_conn *conn, const struct ask_host *host, const struct ask *ask,
                GPtrArray *warnings, json_t *answer, cpulift_error **err)
{
    g_autoptr(cpulift_host) found = NULL;
    TRY(scan_read(conn, host->name, ask->map, ask->timeout_ms, warnings, &found, err));
    TRY(ask->is_via_ssh && !conn->is_local
            ? remote_read(conn->uri, found->name, ask->timeout_ms, found, err)
            : 0);
    found->scanned = date_format(time(NULL));
    json_object_set_new(answer, "document", host_format(found, ask->map));
    return 0;
}

static int scan_guests(const virt_conn *conn, const struct ask_host *host, const struct ask *ask,
                       GPtrArray *warnings, json_t *answer, cpulift_error **err)
{
    json_t *guests = NULL;
    TRY(guests_read(conn, &guests, err));
    json_object_set_new(answer, "guests", guests);
    return scan(conn, host, ask, warnings, answer, err);
}

static int compare(const virt_conn *conn, const struct ask_host *host, const struct ask *ask,
                   GPtrArray *warnings, json_t *answer, cpulift_error **err)
{
    (void)ask, (void)warnings, (void)err;
    json_object_set_new(answer, "opinions", opinion_ask(conn, host->question));
    return 0;
}

static int answer(const struct ask_host *host, const struct ask *ask, GPtrArray *warnings,
                  json_t *message, cpulift_error **err)
{
    static int (*const questions[])(const virt_conn *, const struct ask_host *, const struct ask *,
                                    GPtrArray *, json_t *, cpulift_error **) = {
        [ASK_DOCUMENT] = scan, [ASK_GUESTS] = scan_guests, [ASK_OPINIONS] = compare};
    g_autoptr(virt_conn) conn = NULL;
    // libvirt tells domain capabilities to those only who might start guests.
    TRY(conn_open(host->uri, CONN_FULL, ask->timeout_ms, &conn, err));
    json_object_set_new(message, "via", json_string(conn_to_string(conn)));
    return questions[ask->what](conn, host, ask, warnings, message, err);
}

struct progress {
    const struct ask *ask;
    size_t done;
};

/// The child's part: what `read_answer` reads.
static char *work(void *data, size_t index)
{
    const struct ask *ask = ((const struct progress *)data)->ask;
    g_autoptr(json_t) message = json_object();
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    if (answer(ask->hosts->pdata[index], ask, warnings, message, &err) != 0) {
        json_object_set_new(message, "error", json_string(err->message));
        json_object_set_new(message, "code", json_integer(err->code));
    }
    json_object_set_new(message, "warnings",
                        json_new_strings((const char *const *)warnings->pdata, warnings->len));
    return json_format_line(message);
}

static void read_answer(struct ask_host *host, const char *text, size_t len)
{
    g_autoptr(json_t) message = NULL;
    if (json_parse_text(text, len, ask_host_to_string(host), &message, &host->err) != 0) {
        return;
    }
    const char *why = json_get_string(message, "error");
    if (why == NULL) {
        host->answer = g_steal_pointer(&message);
        return;
    }
    int code = (int)json_integer_value(json_object_get(message, "code"));
    cpulift_error_set(&host->err, code, "%s", why);
    if (host->name != NULL) {
        cpulift_error_prefix(&host->err, 0, "host '%s'", host->name);
    }
}

static void take_answer(void *data, size_t index, enum jobs_end end, const char *text, size_t len)
{
    struct progress *progress = data;
    const struct ask *ask = progress->ask;
    struct ask_host *host = ask->hosts->pdata[index];
    const char *name = ask_host_to_string(host);
    if (end == JOBS_DONE) {
        read_answer(host, text, len);
    } else if (end == JOBS_LATE) {
        cpulift_error_set(&host->err, CPULIFT_EREMOTE,
                          "'%s' did not answer within %g s; check that its daemon runs, or allow "
                          "more with --timeout",
                          name, ask->timeout_ms / 1000.0);
    } else {
        cpulift_error_set(&host->err, CPULIFT_ESYSTEM,
                          "the process that asked '%s' was lost: %s; ask this host alone", name,
                          text);
    }
    progress->done++;
    ask->tell(progress->done, ask->hosts->len);
}

void ask_all(const struct ask *ask)
{
    struct progress progress = {ask, 0};
    const struct jobs jobs = {
        .count = ask->hosts->len,
        .parallel = ask->parallel,
        .timeout_ms = ask->timeout_ms,
        .data = &progress,
        .work = work,
        .done = take_answer,
    };
    jobs_run(&jobs);
}
