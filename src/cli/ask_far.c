// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/ask_far.h"

#include "base/json.h"
#include "core/host.h"
#include "store/agents.h"
#include "store/places.h"

static bool is_far(const struct ask_host *host)
{
    return host->uri != NULL && address_is(host->uri);
}

int ask_far_check(const GPtrArray *hosts, cpulift_error **err)
{
    for (size_t i = 0; i < hosts->len; i++) {
        const struct ask_host *host = hosts->pdata[i];
        g_autoptr(store_address) address = NULL;
        TRY(is_far(host) ? address_parse(host->uri, &address, err) : 0);
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
        if (is_far(hosts->pdata[i])) {
            g_ptr_array_add(far, g_ptr_array_steal_index(hosts, (guint)i));
        } else {
            i++;
        }
    }
    return far;
}

/// Its document, or why the text is none.
static void take_text(struct ask_host *host, const char *text, size_t len)
{
    g_autoptr(json_t) json = NULL;
    const char *where = ask_host_to_string(host);
    if (json_parse_text(text, len, where, &json, &host->err) == 0 &&
        json_check_schema(json, where, HOST_SCHEMA, &host->err) == 0 &&
        host_check_answered(json, where, &host->err) == 0) {
        if (host->name != NULL) {
            json_object_set_new(json, "name", json_string(host->name));
        }
        host->answer = json_pack("{s:O}", "document", json);
    }
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
        take_text(host, text, len);
    } else {
        cpulift_error_set(&host->err, CPULIFT_EREMOTE,
                          "host '%s': its agent is silent, and etcd has no document of it any more",
                          name);
    }
    return 0;
}

static void take_answers(const GPtrArray *agents, const GPtrArray *asked)
{
    for (size_t i = 0; i < agents->len; i++) {
        struct agents_host *agent = agents->pdata[i];
        struct ask_host *host = asked->pdata[i];
        if (agent->text != NULL) {
            take_text(host, agent->text, agent->len);
        } else {
            host->err = g_steal_pointer(&agent->err);
        }
    }
}

/// `asked` are those of `hosts` that are agents.
static void ask_agents(const GPtrArray *asked, unsigned timeout_ms)
{
    g_autoptr(GPtrArray) agents = agents_new();
    g_autoptr(store_access) access = NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = access_read(&access, &err);
    for (size_t i = 0; i < asked->len; i++) {
        struct ask_host *host = asked->pdata[i];
        store_address *address = NULL;
        if (rc == 0 && address_parse(host->uri, &address, &host->err) == 0) {
            agents_add(agents, address);
        } else if (err != NULL) {
            cpulift_error_set(&host->err, err->code, "%s", err->message);
        }
    }
    if (agents->len == asked->len) {
        agents_get(agents, access, "/v1/host", timeout_ms);
        take_answers(agents, asked);
    }
}

void ask_far_ask(GPtrArray *far, unsigned timeout_ms, enum ask_what what, GPtrArray *hosts)
{
    g_autoptr(GPtrArray) asked = g_ptr_array_new();
    while (far->len > 0) {
        struct ask_host *host = g_ptr_array_steal_index(far, 0);
        g_autoptr(store_address) address = NULL;
        bool is_etcd = address_parse(host->uri, &address, NULL) == 0 && address->is_etcd;
        struct place place = {host->uri, hosts};
        if (what != ASK_DOCUMENT) {
            cpulift_error_set(&host->err, CPULIFT_EUSAGE,
                              "'%s' does not tell all that decides where guests can go; name the "
                              "libvirt of its hosts",
                              host->uri);
        } else if (is_etcd && places_list(address, add_host, &place, &host->err) == 0) {
            g_autoptr(GPtrArray) replaced = ask_hosts_new();
            g_ptr_array_add(replaced, host);
            continue;
        } else if (!is_etcd) {
            g_ptr_array_add(asked, host);
        }
        g_ptr_array_add(hosts, host);
    }
    ask_agents(asked, timeout_ms);
}
