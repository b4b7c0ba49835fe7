// SPDX-License-Identifier: LGPL-2.1-or-later
/// A plan in etcd, where the host's document goes, too.
#include "agent/say.h"
#include "agent/source.h"
#include "base/file.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/text.h"
#include "store/follow.h"

#include <string.h>

#define ID_MAX     64
#define MACHINE_ID "/etc/machine-id"

struct etcd_source {
    source base;
    store_address *address;
    char *owner; ///< by which this host is told from another of its name
    follow *follow;
};

static void take_value(void *data, const char *text, size_t len)
{
    const struct source_calls *calls = &((struct etcd_source *)data)->base.calls;
    calls->plan(calls->data, text, len);
}

static void take_fault(void *data, const char *why)
{
    const struct source_calls *calls = &((struct etcd_source *)data)->base.calls;
    calls->fault(calls->data, why);
}

static void take_refusal(void *data, const char *why)
{
    (void)data;
    say(SAY_WARNING, "this host's document is not in etcd: %s", why);
}

/// Made once and kept in the agent's folder: it outlives names, leases and boots. A copy of the
/// folder in the image of another machine is another all the same. The caller's.
static char *read_owner(const agent_settings *settings)
{
    g_autofree char *path = g_build_filename(settings->agent_state, "id", NULL);
    g_autofree char *id = NULL, *machine = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (file_load_at_once(path, ID_MAX, &id, NULL, NULL) != 0) {
        id = file_name_temporary("");
        if (file_save(path, id, strlen(id), 0640, &err) != 0) {
            say(SAY_WARNING, "etcd may take this host for another after a restart: %s",
                err->message);
        }
    }
    (void)file_load(MACHINE_ID, ID_MAX, &machine, NULL, NULL);
    g_autofree char *both = g_strconcat(id, " ", machine != NULL ? machine : "", NULL);
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, both, -1);
}

static void close_etcd(source *base)
{
    struct etcd_source *self = (struct etcd_source *)base;
    follow_free(self->follow);
    address_free(self->address);
    g_free(self->owner);
    g_free(self);
}

/// Where the plan is, and how to get in there.
static int read_keys(const agent_settings *settings, store_address **ret_address,
                     store_access **ret_access, cpulift_error **err)
{
    g_autoptr(store_address) address = NULL;
    const struct http_tls tls = {settings->etcd_authority, settings->etcd_certificate,
                                 settings->etcd_key};
    TRY(address_parse(settings->agent_plan, &address, err));
    if (address->pool == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "key 'plan': '%s' names no plan; write "
                                 "etcd://HOST:PORT/PREFIX/plan/POOL",
                                 settings->agent_plan);
    }
    TRY(access_new(settings->etcd_user, settings->etcd_password, &tls, ret_access, err));
    *ret_address = g_steal_pointer(&address);
    return 0;
}

static int check(const agent_settings *settings, cpulift_error **err)
{
    g_autoptr(store_address) address = NULL;
    g_autoptr(store_access) access = NULL;
    etcd *client = NULL;
    TRY(read_keys(settings, &address, &access, err));
    const struct http_tls tls = access_get_tls(access);
    TRY(http_check_tls(&tls, err));
    TRY(etcd_new(NULL, address, access, &client, err));
    etcd_free(client);
    return 0;
}

static int connect(struct etcd_source *self, const agent_settings *settings, cpulift_error **err)
{
    g_autoptr(store_access) access = NULL;
    etcd *client = NULL;
    TRY(read_keys(settings, &self->address, &access, err));
    TRY(etcd_new(NULL, self->address, access, &client, err));
    g_autofree char *key = etcd_name_key(client, ETCD_PLANS, self->address->pool);
    const struct follow_calls calls = {take_value, take_fault, take_refusal, self};
    self->owner = read_owner(settings);
    self->follow = follow_new(client, key, settings->etcd_lease, &calls);
    return 0;
}

static int open_etcd(const agent_settings *settings, const struct source_calls *calls,
                     source **ret_source, cpulift_error **err)
{
    struct etcd_source *self = g_new0(struct etcd_source, 1);
    self->base = (source){&source_etcd, *calls};
    int rc = connect(self, settings, err);
    if (rc != 0) {
        close_etcd(&self->base);
        return rc;
    }
    *ret_source = &self->base;
    return 0;
}

static void publish(source *base, const char *text, size_t len)
{
    struct etcd_source *self = (struct etcd_source *)base;
    g_autoptr(json_t) json = NULL;
    const char *name =
        json_parse_text(text, len, "", &json, NULL) == 0 ? json_get_string(json, "name") : NULL;
    if (name != NULL && text_is_name(name)) {
        const char *prefix = self->address->prefix;
        g_autofree char *key = g_strconcat(prefix, ETCD_HOSTS, name, NULL);
        g_autofree char *member = g_strconcat(prefix, ETCD_MEMBERS, name, NULL);
        const struct etcd_place place = {key, member, self->owner};
        follow_publish(self->follow, &place, text, len);
    }
}

static void measure(const source *base, GString *out)
{
    const struct follow_state state = follow_get_state(((const struct etcd_source *)base)->follow);
    metrics_add_family(out, "cpulift_agent_etcd_connected", "gauge",
                       "1: etcd answers, and tells of changes of the plan.");
    metrics_add(out, "cpulift_agent_etcd_connected", NULL, NULL, state.is_connected);
    metrics_add_family(out, "cpulift_agent_etcd_published", "gauge",
                       "1: this host's document stands in etcd.");
    metrics_add(out, "cpulift_agent_etcd_published", NULL, NULL, state.is_published);
    metrics_add_family(out, "cpulift_agent_etcd_outages_total", "counter",
                       "Times that etcd went away.");
    metrics_add(out, "cpulift_agent_etcd_outages_total", NULL, NULL, (double)state.outages);
}

#define KIND(name, begin)                                                                          \
    const struct source_kind name = {                                                              \
        .prefix = begin,                                                                           \
        .check = check,                                                                            \
        .open = open_etcd,                                                                         \
        .publish = publish,                                                                        \
        .measure = measure,                                                                        \
        .close = close_etcd,                                                                       \
    }

KIND(source_etcd, "etcd://");
KIND(source_etcds, "etcds://");
