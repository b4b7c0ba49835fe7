// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/follow.h"

#include <string.h>

#define BACK_OFF_MS     1000
#define BACK_OFF_MAX_MS 64000

/// A plan changes a few times a day: who tells of more is no etcd that can be followed.
#define TOLD_IN_A_SECOND_MAX 100

struct follow {
    etcd *client;
    char *key;
    unsigned ttl; ///< seconds
    struct follow_calls calls;
    etcd_call *read, *watch; ///< the key, at first and from then on
    etcd_call *write;        ///< the lease or the document: one after the other
    guint timer;             ///< of the next sign of life, or of the next try
    unsigned failures;       ///< one after the other
    bool is_connected, is_fault_told;
    guint64 lease;             ///< 0: none
    char *at, *member, *owner; ///< of the document; NULL: there is none yet
    char *text;
    size_t len;
    bool is_published; ///< or, while it is put, about to be
    bool is_putting, is_granting;
    char *refusal, *told; ///< the last that was told of it
    guint64 outages;
    gint64 second; ///< in which it told something last, and how often
    unsigned told_then;
};

/// What a write that is cut off became is not known.
static void stop(follow *self)
{
    self->is_published = self->is_published && self->write == NULL;
    self->is_putting = false;
    etcd_cancel(g_steal_pointer(&self->read));
    etcd_cancel(g_steal_pointer(&self->watch));
    etcd_cancel(g_steal_pointer(&self->write));
    if (self->timer != 0) {
        g_source_remove(self->timer);
        self->timer = 0;
    }
}

static void attempt(follow *self);
static void give_sign(follow *self);

static gboolean wake_attempt(void *data)
{
    follow *self = data;
    self->timer = 0;
    attempt(self);
    return G_SOURCE_REMOVE;
}

static gboolean wake_sign(void *data)
{
    follow *self = data;
    self->timer = 0;
    give_sign(self);
    return G_SOURCE_REMOVE;
}

static void tell_fault(follow *self, const char *why)
{
    if (!self->is_fault_told) {
        self->is_fault_told = true;
        self->calls.fault(self->calls.data, why);
    }
}

/// Begins anew later, each time after twice as long, and not with all others at the same moment.
static void retry(follow *self)
{
    stop(self);
    double wait = MIN(BACK_OFF_MS * (double)(1U << MIN(self->failures, 16)), BACK_OFF_MAX_MS);
    self->failures++;
    self->timer = g_timeout_add((guint)(wait * g_random_double_range(0.5, 1)), wake_attempt, self);
}

static void leave(follow *self, const char *why)
{
    self->outages += self->is_connected;
    self->is_connected = false;
    retry(self);
    tell_fault(self, why);
}

static void tell_value(follow *self, const etcd_pair *pair)
{
    if (pair == NULL || pair->value == NULL) {
        g_autofree char *why = g_strdup_printf("etcd has no '%s'", self->key);
        self->is_fault_told = false;
        tell_fault(self, why);
        return;
    }
    self->is_fault_told = false;
    self->calls.value(self->calls.data, pair->value, pair->len);
}

static bool tells_too_much(follow *self, const etcd_reply *reply)
{
    gint64 now = g_get_monotonic_time() / G_USEC_PER_SEC;
    unsigned count = reply->events != NULL ? reply->events->len : 0;
    self->told_then = (now == self->second ? self->told_then : 0) + MAX(count, 1);
    self->second = now;
    return self->told_then > TOLD_IN_A_SECOND_MAX;
}

static void take_event(void *data, etcd_reply *taken, const cpulift_error *err)
{
    follow *self = data;
    g_autoptr(etcd_reply) reply = taken;
    if (err != NULL || reply == NULL) {
        self->watch = NULL;
        leave(self, err != NULL ? err->message : "etcd did not answer");
        return;
    }
    if (tells_too_much(self, reply)) {
        leave(self, "etcd tells of changes without end");
        return;
    }
    if (reply->is_cancelled && reply->compacted != 0) { // what was missed is read
        retry(self);
        return;
    }
    if (reply->is_cancelled) {
        leave(self, reply->why != NULL ? reply->why : "etcd ended the watch");
        return;
    }
    if (reply->is_created) {
        self->is_connected = true;
        give_sign(self);
    }
    for (size_t i = 0; reply->events != NULL && i < reply->events->len; i++) {
        const struct etcd_event *event = reply->events->pdata[i];
        tell_value(self, event->is_delete ? NULL : &event->kv);
    }
}

static void take_value(void *data, etcd_reply *taken, const cpulift_error *err)
{
    follow *self = data;
    g_autoptr(etcd_reply) reply = taken;
    self->read = NULL;
    if (err != NULL || reply == NULL) {
        leave(self, err != NULL ? err->message : "etcd did not answer");
        return;
    }
    bool is_there = reply->pairs != NULL && reply->pairs->len > 0;
    char *body = etcd_request_watch(self->key, NULL, reply->header.revision + 1);
    self->watch = etcd_start_stream(self->client, "/v3/watch", body, take_event, self);
    tell_value(self, is_there ? reply->pairs->pdata[0] : NULL);
}

static void attempt(follow *self)
{
    char *body = etcd_request_range(self->key, strlen(self->key), NULL, 1, 0);
    self->read = etcd_start(self->client, "/v3/kv/range", body, take_value, self);
}

static void put(follow *self);

/// After a lease or a document was written: what is still to be written, or when the next sign is
/// due.
static void go_on(follow *self)
{
    if (self->lease == 0) {
        give_sign(self);
    } else if (self->text != NULL && !self->is_published && self->refusal == NULL) {
        put(self);
    } else if (self->timer == 0) {
        self->timer = g_timeout_add_seconds(MAX(self->ttl / 3, 1), wake_sign, self);
    }
}

/// Tried again with the next sign of life.
static void refuse(follow *self, const char *why)
{
    self->is_published = false;
    g_free(self->refusal);
    self->refusal = g_strdup(why);
    if (g_strcmp0(self->told, why) != 0 && self->calls.refused != NULL) {
        self->calls.refused(self->calls.data, why);
    }
    g_free(self->told);
    self->told = g_strdup(why);
}

static void take_put(void *data, etcd_reply *taken, const cpulift_error *err)
{
    follow *self = data;
    g_autoptr(etcd_reply) reply = taken;
    self->write = NULL;
    self->is_putting = false;
    self->is_published = self->is_published && err == NULL;
    if (err == NULL && reply == NULL) {
        leave(self, "etcd did not answer");
        return;
    }
    if (err != NULL && (reply == NULL || reply->error == NULL || reply->code == ETCD_NOT_FOUND)) {
        self->lease = reply != NULL ? 0 : self->lease; // it is the lease that is not found
        leave(self, err->message);
        return;
    }
    if (err != NULL) {
        refuse(self, err->message);
    } else if (!reply->is_done) {
        g_autofree char *why = g_strdup_printf(
            "another host of this name keeps its document at '%s'; give one of them another name",
            self->at);
        refuse(self, why);
    } else if (self->is_published) {
        g_clear_pointer(&self->told, g_free);
    }
    go_on(self);
}

/// Whoever changes the document meanwhile says that it is not published.
static void put(follow *self)
{
    const struct etcd_place place = {self->at, self->member, self->owner};
    char *body = etcd_request_publish(&place, self->text, self->len, self->lease);
    self->is_published = true;
    self->is_putting = true;
    self->write = etcd_start(self->client, "/v3/kv/txn", body, take_put, self);
}

static void take_lease(void *data, etcd_reply *taken, const cpulift_error *err)
{
    follow *self = data;
    g_autoptr(etcd_reply) reply = taken;
    self->write = NULL;
    const bool has_none = reply == NULL || reply->ttl == 0;
    if (err != NULL || reply == NULL || (self->is_granting && (has_none || reply->lease == 0))) {
        leave(self, err != NULL ? err->message : "etcd grants no lease");
        return;
    }
    self->failures = 0;
    self->is_published = self->is_published && !self->is_granting && !has_none;
    self->lease = has_none ? 0 : self->is_granting ? reply->lease : self->lease;
    g_clear_pointer(&self->refusal, g_free);
    go_on(self);
}

/// Keeps the lease, or gets one.
static void give_sign(follow *self)
{
    if (self->write != NULL) {
        return;
    }
    self->is_granting = self->lease == 0;
    const char *path = self->is_granting ? "/v3/lease/grant" : "/v3/lease/keepalive";
    char *body = self->is_granting ? etcd_request_grant(self->ttl) : etcd_request_keep(self->lease);
    self->write = etcd_start(self->client, path, body, take_lease, self);
}

follow *follow_new(etcd *client, const char *key, unsigned ttl, const struct follow_calls *calls)
{
    follow *self = g_new0(follow, 1);
    self->client = client;
    self->key = g_strdup(key);
    self->ttl = ttl;
    self->calls = *calls;
    attempt(self);
    return self;
}

void follow_publish(follow *self, const struct etcd_place *place, const char *text, size_t len)
{
    g_free(self->at);
    g_free(self->member);
    g_free(self->owner);
    g_free(self->text);
    self->at = g_strdup(place->key);
    self->member = g_strdup(place->member);
    self->owner = g_strdup(place->owner);
    self->text = g_memdup2(text, len + 1);
    self->len = len;
    self->is_published = false;
    g_clear_pointer(&self->refusal, g_free);
    if (self->is_connected && self->write == NULL) {
        go_on(self);
    }
}

struct follow_state follow_get_state(const follow *self)
{
    return (struct follow_state){
        .is_connected = self->is_connected,
        .is_published = self->is_connected && self->is_published && !self->is_putting,
        .refusal = self->refusal,
        .outages = self->outages,
    };
}

void follow_free(follow *self)
{
    if (self != NULL) {
        stop(self);
        etcd_free(self->client);
        g_free(self->key);
        g_free(self->at);
        g_free(self->member);
        g_free(self->owner);
        g_free(self->text);
        g_free(self->refusal);
        g_free(self->told);
        g_free(self);
    }
}
