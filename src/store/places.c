// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/places.h"

#include "base/text.h"
#include "core/inventory_load.h"
#include "store/agents.h"
#include "store/etcd.h"

#include <string.h>

#define AGENT_TIMEOUT_MS 10000U
#define NAMES_IN_MESSAGE 5

/// Whom places_list() calls, and whom it was called for.
struct listing {
    int (*add)(void *data, const char *name, const char *text, size_t len, cpulift_error **err);
    void *data;
    GHashTable *names; ///< a set
};

static int list_host(void *data, const char *name, const etcd_pair *pair, cpulift_error **err)
{
    const struct listing *listing = data;
    g_hash_table_add(listing->names, g_strdup(name));
    return listing->add(listing->data, name, pair->value != NULL ? pair->value : "", pair->len,
                        err);
}

static int list_member(void *data, const char *name, const etcd_pair *pair, cpulift_error **err)
{
    (void)pair;
    const struct listing *listing = data;
    bool is_new = g_hash_table_add(listing->names, g_strdup(name));
    return is_new ? listing->add(listing->data, name, NULL, 0, err) : 0;
}

static int connect(GMainContext *context, const store_address *address, etcd **ret_client,
                   cpulift_error **err)
{
    g_autoptr(store_access) access = NULL;
    TRY(access_read(&access, err));
    return etcd_new(context, address, access, ret_client, err);
}

int places_list(const store_address *address,
                int (*add)(void *data, const char *name, const char *text, size_t len,
                           cpulift_error **err),
                void *data, cpulift_error **err)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(etcd) client = NULL;
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    struct listing listing = {add, data, names};
    guint64 revision = 0;
    TRY(connect(context, address, &client, err));
    TRY(etcd_list(client, ETCD_HOSTS, &revision, list_host, &listing, err));
    TRY(etcd_list(client, ETCD_MEMBERS, &revision, list_member, &listing, err));
    return g_hash_table_size(names) > 0
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s' holds no host document; agents publish them there "
                                   "(cpuliftd.conf)",
                                   address->text);
}

/// Where etcd's documents go, and the hosts that there must be one of.
struct taking {
    inventory *inv;
    const char *place;
    GPtrArray *names;
};

static int add_host(void *data, const char *name, const char *text, size_t len, cpulift_error **err)
{
    struct taking *taking = data;
    g_autofree char *where = g_strconcat(taking->place, ETCD_HOSTS, name, NULL);
    g_ptr_array_add(taking->names, g_strdup(name));
    return text != NULL ? inventory_add_text(taking->inv, text, len, where, err) : 0;
}

static int load_etcd(inventory *inv, const store_address *address, cpulift_error **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    struct taking taking = {inv, address->text, names};
    TRY(places_list(address, add_host, &taking, err));
    int rc = inventory_demand(inv, names, address->text, err);
    return rc == 0 ? 0 : cpulift_error_prefix(err, rc, "agents are silent");
}

/// Refuses agents that did not answer: the first with its reason, the others by address.
static int check_answers(const GPtrArray *agents, cpulift_error **err)
{
    const struct agents_host *first = NULL;
    g_autoptr(GPtrArray) others = g_ptr_array_new();
    for (size_t i = 0; i < agents->len; i++) {
        const struct agents_host *host = agents->pdata[i];
        if (host->text == NULL && first == NULL) {
            first = host;
        } else if (host->text == NULL) {
            g_ptr_array_add(others, host->address->text);
        }
    }
    if (first == NULL) {
        return 0;
    }
    g_autofree char *joined =
        text_join_some((const char *const *)others->pdata, others->len, NAMES_IN_MESSAGE);
    return cpulift_error_set(err, CPULIFT_EREMOTE, "%s%s%s", first->err->message,
                             others->len > 0 ? "; nor do " : "", joined);
}

static int load_agents(inventory *inv, const GPtrArray *agents, cpulift_error **err)
{
    g_autoptr(store_access) access = NULL;
    TRY(access_read(&access, err));
    agents_get(agents, access, AGENT_TIMEOUT_MS);
    TRY(check_answers(agents, err));
    for (size_t i = 0; i < agents->len; i++) {
        const struct agents_host *host = agents->pdata[i];
        TRY(inventory_add_text(inv, host->text, host->len, host->address->text, err));
    }
    return 0;
}

int places_load(inventory *inv, char *const *places, size_t count, cpulift_error **err)
{
    g_autoptr(GPtrArray) agents = agents_new();
    for (size_t i = 0; i < count; i++) {
        g_autoptr(store_address) address = NULL;
        if (!address_is(places[i])) {
            TRY(inventory_load(inv, places[i], err));
            continue;
        }
        TRY(address_parse(places[i], &address, err));
        if (address->pool != NULL) {
            return cpulift_error_set(err, CPULIFT_EUSAGE,
                                     "'%s' is a plan where hosts are expected; they are below "
                                     "etcd://HOST:PORT/PREFIX",
                                     places[i]);
        }
        if (address->is_etcd) {
            TRY(load_etcd(inv, address, err));
        } else {
            agents_add(agents, g_steal_pointer(&address), "/v1/host");
        }
    }
    return agents->len > 0 ? load_agents(inv, agents, err) : 0;
}

/// A client that waits, and the key of the plan that its address names.
static int connect_plan(GMainContext *context, const char *place, etcd **ret_client, char **ret_key,
                        cpulift_error **err)
{
    g_autoptr(store_address) address = NULL;
    TRY(address_parse(place, &address, err));
    if (address->pool == NULL) {
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "'%s' names no plan; write etcd://HOST:PORT/PREFIX/plan/POOL",
                                 place);
    }
    TRY(connect(context, address, ret_client, err));
    *ret_key = etcd_name_key(*ret_client, ETCD_PLANS, address->pool);
    return 0;
}

int places_load_plan(const char *place, cpulift_plan **ret_plan, cpulift_error **err)
{
    if (!address_is(place)) {
        return plan_load(place, ret_plan, err);
    }
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(etcd) client = NULL;
    g_autofree char *key = NULL;
    g_autoptr(etcd_reply) reply = NULL;
    TRY(connect_plan(context, place, &client, &key, err));
    char *body = etcd_request_range(key, strlen(key), NULL, 1, 0);
    TRY(etcd_perform(client, "/v3/kv/range", body, &reply, err));
    const etcd_pair *pair =
        reply->pairs != NULL && reply->pairs->len == 1 ? reply->pairs->pdata[0] : NULL;
    if (pair == NULL) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "'%s': there is no such plan; 'cpulift plan -o' puts one there",
                                 place);
    }
    return plan_parse(pair->value != NULL ? pair->value : "", pair->len, place, ret_plan, err);
}

int places_save_plan(const char *place, const char *text, cpulift_error **err)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(etcd) client = NULL;
    g_autofree char *key = NULL;
    g_autoptr(etcd_reply) reply = NULL;
    TRY(connect_plan(context, place, &client, &key, err));
    char *body = etcd_request_put(key, text, strlen(text), 0);
    return etcd_perform(client, "/v3/kv/put", body, &reply, err);
}
