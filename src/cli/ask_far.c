// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/ask_far.h"

#include "base/json.h"
#include "core/host.h"
#include "store/agents.h"
#include "store/places.h"
#include "store/rows.h"

/// A page of guests is well below the cap of an answer (store/agents.c).
#define GUESTS_PATH "/v1/guests?limit=250"

/// The host, and 25,000 of its guests.
#define ROUNDS_MAX 101

bool ask_far_is(const struct ask_host *host)
{
    return host->uri != NULL && address_is(host->uri);
}

int ask_far_check(const GPtrArray *hosts, cpulift_error **err)
{
    for (size_t i = 0; i < hosts->len; i++) {
        const struct ask_host *host = hosts->pdata[i];
        g_autoptr(store_address) address = NULL;
        TRY(ask_far_is(host) ? address_parse(host->uri, &address, err) : 0);
        if (address != NULL && address->pool != NULL) {
            return cpulift_error_set(err, CPULIFT_EUSAGE,
                                     "'%s' is a plan where hosts are expected; they are below "
                                     "etcd://HOST:PORT/PREFIX",
                                     host->uri);
        }
        if (address != NULL && address->is_etcd && host->name != NULL) {
            return cpulift_error_set(err, CPULIFT_EUSAGE,
                                     "'%s' stands for all hosts of '%s', which have names of their "
                                     "own; leave it out",
                                     host->name, host->uri);
        }
    }
    return 0;
}

GPtrArray *ask_far_take(GPtrArray *hosts)
{
    GPtrArray *far = ask_hosts_new();
    for (size_t i = 0; i < hosts->len;) {
        if (ask_far_is(hosts->pdata[i])) {
            g_ptr_array_add(far, g_ptr_array_steal_index(hosts, (guint)i));
        } else {
            i++;
        }
    }
    return far;
}

/// Its document, or why the text is none.
static int take_text(struct ask_host *host, const char *text, size_t len, cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    const char *where = ask_host_to_string(host);
    TRY(json_parse_text(text, len, where, &json, err));
    TRY(json_check_schema(json, where, HOST_SCHEMA, err));
    TRY(host_check_answered(json, where, err));
    if (host->name != NULL) {
        json_object_set_new(json, "name", json_string(host->name));
    }
    host->answer = json_pack("{s:O}", "document", json);
    return 0;
}

/// Where the hosts of an etcd go.
struct place {
    const char *uri;
    GPtrArray *hosts;
};

/// A host of etcd: where its document is not there, its agent is silent.
static int add_host(void *data, const char *name, const char *text, size_t len, cpulift_error **err)
{
    (void)err;
    const struct place *place = data;
    ask_hosts_add(place->hosts, name, place->uri);
    struct ask_host *host = place->hosts->pdata[place->hosts->len - 1];
    if (text != NULL) {
        (void)take_text(host, text, len, &host->err);
    } else {
        cpulift_error_set(&host->err, CPULIFT_EREMOTE,
                          "host '%s': its agent is silent, and etcd has no document of it any more",
                          name);
    }
    return 0;
}

static char *format_why(const ledger_row *row)
{
    return g_strdup_printf("its agent does not tell its XML%s%s", row->why != NULL ? ": " : "",
                           row->why != NULL ? row->why : "");
}

/// A page of its guests, behind those that are there; *ret_next: the path of the next one.
static int take_page(const struct ask_host *host, const json_t *json, char **ret_next,
                     cpulift_error **err)
{
    const char *where = ask_host_to_string(host);
    g_autoptr(ledger_guests) page = record_new(&ledger_guests_record);
    json_t *list = json_object_get(host->answer, "guests");
    TRY(record_parse(&ledger_guests_record, json, where, NULL, page, err));
    if (page->blind != NULL) {
        return cpulift_error_set(err, CPULIFT_EREMOTE,
                                 "the agent of '%s' does not hear libvirt: %s", where, page->blind);
    }
    for (size_t i = 0; i < page->guests->len; i++) {
        const ledger_row *row = page->guests->pdata[i];
        g_autofree char *why = row->xml == NULL ? format_why(row) : NULL;
        const char *name = row->name != NULL ? row->name : row->uuid;
        json_array_append_new(
            list, json_pack("{s:s*, s:s*, s:s*}", "name", name, "xml", row->xml, "why", why));
    }
    if (page->next != NULL) {
        g_autofree char *after = g_uri_escape_string(page->next, NULL, FALSE);
        *ret_next = g_strconcat(GUESTS_PATH "&after=", after, NULL);
    }
    return 0;
}

/// What an agent answered; *ret_next: what it is asked next, NULL: nothing. The caller's.
static int take_answer(struct ask_host *host, struct agents_host *agent, enum ask_what what,
                       char **ret_next, cpulift_error **err)
{
    if (agent->text == NULL) {
        *err = g_steal_pointer(&agent->err);
        return (*err)->code;
    }
    if (host->answer != NULL) {
        g_autoptr(json_t) json = NULL;
        TRY(json_parse_text(agent->text, agent->len, ask_host_to_string(host), &json, err));
        return take_page(host, json, ret_next, err);
    }
    TRY(take_text(host, agent->text, agent->len, err));
    if (what == ASK_GUESTS) {
        json_object_set_new(host->answer, "guests", json_array());
        *ret_next = g_strdup(GUESTS_PATH);
    }
    return 0;
}

/// An agent, and what it is asked next; NULL: nothing.
struct questioned {
    struct ask_host *host;
    char *path;
};

static void free_questioned(void *data)
{
    g_free(((struct questioned *)data)->path);
    g_free(data);
}

/// Asks each its next question; false where nobody had one.
static bool ask_next(const GPtrArray *asked, const store_access *access, unsigned timeout_ms,
                     enum ask_what what)
{
    g_autoptr(GPtrArray) agents = agents_new(), whom = g_ptr_array_new();
    for (size_t i = 0; i < asked->len; i++) {
        struct questioned *one = asked->pdata[i];
        store_address *address = NULL;
        if (one->path != NULL && address_parse(one->host->uri, &address, &one->host->err) == 0) {
            agents_add(agents, address, one->path);
            g_ptr_array_add(whom, one);
        }
        g_clear_pointer(&one->path, g_free);
    }
    agents_get(agents, access, timeout_ms);
    for (size_t i = 0; i < whom->len; i++) {
        struct questioned *one = whom->pdata[i];
        if (take_answer(one->host, agents->pdata[i], what, &one->path, &one->host->err) != 0) {
            g_clear_pointer(&one->host->answer, json_decref);
        }
    }
    return whom->len > 0;
}

/// One that has more guests than are believed is no answer.
static void check_end(struct questioned *one)
{
    if (one->path != NULL) {
        g_clear_pointer(&one->host->answer, json_decref);
        cpulift_error_set(&one->host->err, CPULIFT_EREMOTE,
                          "the agent of '%s' tells of guests without end",
                          ask_host_to_string(one->host));
    }
}

static void ask_agents(const GPtrArray *asked, unsigned timeout_ms, enum ask_what what)
{
    g_autoptr(store_access) access = NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = access_read(&access, &err);
    for (size_t i = 0; i < asked->len; i++) {
        struct questioned *one = asked->pdata[i];
        one->path = rc == 0 ? g_strdup("/v1/host") : NULL;
        (void)(rc == 0 ? 0 : cpulift_error_set(&one->host->err, rc, "%s", err->message));
    }
    for (unsigned i = 0; rc == 0 && i < ROUNDS_MAX; i++) {
        if (!ask_next(asked, access, timeout_ms, what)) {
            return;
        }
    }
    for (size_t i = 0; i < asked->len; i++) {
        check_end(asked->pdata[i]);
    }
}

static int refuse(const char *uri, cpulift_error **err)
{
    return cpulift_error_set(
        err, CPULIFT_EUSAGE,
        "'%s' does not tell which guests run; name the agents of its hosts, or "
        "their libvirt",
        uri);
}

void ask_far_ask(GPtrArray *far, unsigned timeout_ms, enum ask_what what, GPtrArray *hosts)
{
    g_autoptr(GPtrArray) asked = g_ptr_array_new_with_free_func(free_questioned);
    while (far->len > 0) {
        struct ask_host *host = g_ptr_array_steal_index(far, 0);
        g_autoptr(store_address) address = NULL;
        bool is_etcd = address_parse(host->uri, &address, NULL) == 0 && address->is_etcd;
        struct place place = {host->uri, hosts};
        if (is_etcd && what != ASK_DOCUMENT) {
            refuse(host->uri, &host->err);
        } else if (is_etcd && places_list(address, add_host, &place, &host->err) == 0) {
            g_autoptr(GPtrArray) replaced = ask_hosts_new();
            g_ptr_array_add(replaced, host);
            continue;
        } else if (!is_etcd) {
            struct questioned *one = g_new0(struct questioned, 1);
            one->host = host;
            g_ptr_array_add(asked, one);
        }
        g_ptr_array_add(hosts, host);
    }
    ask_agents(asked, timeout_ms, what);
}
