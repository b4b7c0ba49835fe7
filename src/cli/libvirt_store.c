// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/libvirt_store.h"

#include "virt/definitions.h"

#include <string.h>

#define CONNECT_MS 20000

struct libvirt_store {
    struct store base;
    virt_conn *conn;
};

static const virt_conn *get_conn(const struct store *self)
{
    return ((const struct libvirt_store *)self)->conn;
}

static int load(const struct store *self, const char *target, struct root_file *ret_file,
                cpulift_error **err)
{
    g_autoptr(virt_definition) found = NULL;
    g_autoptr(cpulift_error) why = NULL;
    *ret_file = (struct root_file){0};
    int rc = definitions_find(get_conn(self), target, &found, &why);
    if (rc == CPULIFT_EMISSING) {
        return 0;
    }
    if (rc != 0) {
        return cpulift_error_set(err, rc, "%s", why->message);
    }
    *ret_file = (struct root_file){.exists = true, .len = strlen(found->xml)};
    ret_file->bytes = g_steal_pointer(&found->xml);
    return 0;
}

/// Guests are neither made nor removed.
static int replace(const struct store *self, const char *target, const struct root_file *file,
                   const struct root_file *expected, const char *staged, cpulift_error **err)
{
    (void)staged;
    if (!file->exists || !expected->exists) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the guest %s would be made or removed: cpulift does neither",
                                 target);
    }
    return definitions_write(get_conn(self), target, expected->bytes, file->bytes, err);
}

static void close_store(struct store *self)
{
    struct libvirt_store *store = (struct libvirt_store *)self;
    conn_free(store->conn);
    g_free(store);
}

/// Takes the connection.
static struct store *make(virt_conn *conn)
{
    struct libvirt_store *made = g_new(struct libvirt_store, 1);
    *made = (struct libvirt_store){
        .base = {.is_each_alone = true, .load = load, .replace = replace, .close = close_store},
        .conn = conn,
    };
    return &made->base;
}

int libvirt_store_open(const store_key *key, struct store **ret_store, cpulift_error **err)
{
    g_autoptr(virt_conn) conn = NULL;
    TRY(conn_open(key->uri, CONN_FULL, CONNECT_MS, &conn, err));
    g_autofree char *id = conn_get_id(conn);
    // What a local URI names is this host, even if it was given another id.
    if (!conn_is_local_uri(key->uri) && key->id != NULL && id != NULL && strcmp(id, key->id) != 0) {
        return cpulift_error_set(err, CPULIFT_EREMOTE,
                                 "'%s' is another host than it was when its definitions were "
                                 "changed (%s, now %s): 'cpulift rollback --connect' takes back "
                                 "what is there all the same",
                                 key->uri, key->id, id);
    }
    *ret_store = make(g_steal_pointer(&conn));
    return 0;
}

int libvirt_store_add(struct stores *all, const char *uri, store_key **ret_key,
                      const virt_conn **ret_conn, cpulift_error **err)
{
    virt_conn *conn = NULL;
    TRY(conn_open(uri, CONN_FULL, CONNECT_MS, &conn, err));
    g_autofree char *id = conn_get_id(conn);
    const store_key key = {.uri = (char *)uri, .id = id};
    stores_add(all, &key, make(conn));
    *ret_key = store_key_copy(&key);
    *ret_conn = conn;
    return 0;
}

static int load_nothing(const struct store *self, const char *target, struct root_file *ret_file,
                        cpulift_error **err)
{
    (void)self;
    (void)target;
    (void)err;
    *ret_file = (struct root_file){0};
    return 0;
}

static void close_nothing(struct store *self)
{
    g_free(self);
}

store_key *libvirt_store_add_gone(struct stores *all, const char *uri)
{
    const store_key key = {.uri = (char *)uri};
    struct store *gone = g_new(struct store, 1);
    *gone = (struct store){
        .is_each_alone = true, .load = load_nothing, .replace = replace, .close = close_nothing};
    stores_add(all, &key, gone);
    return store_key_copy(&key);
}
