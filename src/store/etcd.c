// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/etcd.h"

#include "base/json.h"
#include "base/text.h"

#include <string.h>

#define TIMEOUT_MS 10000U
/// etcd takes no value above 1.5 MiB unless it is told to, and base64 makes a third more of it.
#define PAGE_KEYS  32
#define ANSWER_MAX ((size_t)PAGE_KEYS * (2 << 20) * 4 / 3)
#define PAGES_MAX  32768
/// For all pages: a hundred thousand hosts have some 4 GiB.
#define LIST_MAX_S 600

struct etcd {
    http *client;
    GMainContext *context;
    char *name;   ///< the address, for messages
    char *prefix; ///< of all keys
    char **urls;  ///< of its members
    size_t count;
    size_t current;        ///< the member that answered last
    char *user, *password; ///< NULL: none
    char *token;           ///< what the user got; NULL: yet to be asked for
    GHashTable *calls;     ///< etcd_call *, those that go on
};

struct etcd_call {
    etcd *owner;
    char *path, *body;
    bool is_stream;
    bool is_asking;   ///< for a token
    bool was_refused; ///< its token was too old once
    size_t member;    ///< that was asked
    size_t failed;    ///< so many members did not answer
    http_call *http;
    etcd_done done;
    void *data;
};

static void call_free(void *data)
{
    etcd_call *call = data;
    http_cancel(call->http);
    g_free(call->path);
    g_free(call->body);
    g_free(call);
}

int etcd_new(GMainContext *context, const store_address *address, const store_access *access,
             etcd **ret_client, cpulift_error **err)
{
    if (access->user != NULL && address->is_clear) {
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "the password of '%s' would cross the network to '%s' for all to "
                                 "read; use etcds://",
                                 access->user, address->text);
    }
    const struct http_tls tls = access_get_tls(access);
    etcd *self = g_new0(etcd, 1);
    self->context = g_main_context_ref(context != NULL ? context : g_main_context_default());
    self->client = http_new(self->context, &tls);
    self->name = g_strdup(address->text);
    self->prefix = g_strdup(address->prefix);
    self->urls = g_strdupv(address->urls);
    self->count = g_strv_length(self->urls);
    self->user = g_strdup(access->user);
    self->password = g_strdup(access->password);
    self->calls = g_hash_table_new_full(NULL, NULL, call_free, NULL);
    *ret_client = self;
    return 0;
}

void etcd_free(etcd *self)
{
    if (self != NULL) {
        g_hash_table_unref(self->calls);
        http_free(self->client);
        g_main_context_unref(self->context);
        g_strfreev(self->urls);
        g_free(self->name);
        g_free(self->prefix);
        g_free(self->user);
        g_free(self->password);
        g_free(self->token);
        g_free(self);
    }
}

char *etcd_name_key(const etcd *self, const char *part, const char *name)
{
    return g_strconcat(self->prefix, part, name, NULL);
}

void etcd_cancel(etcd_call *call)
{
    if (call != NULL) {
        g_hash_table_remove(call->owner->calls, call);
    }
}

/// The last that is heard of a call.
static void end(etcd_call *call, etcd_reply *reply, const cpulift_error *err)
{
    etcd_done done = call->done;
    void *data = call->data;
    etcd_cancel(call);
    done(data, reply, err);
}

static void start(etcd_call *call);

/// The next member, unless another call went on to it already.
static void leave_member(etcd_call *call)
{
    etcd *self = call->owner;
    if (self->current == call->member) {
        self->current = (self->current + 1) % self->count;
    }
    call->failed++;
}

/// True where it is worth asking once more: another member, or with a new token.
static bool can_repeat(etcd_call *call, const etcd_reply *reply, long status)
{
    bool is_stream = call->is_stream && !call->is_asking;
    if (status == 0 || status >= 500 || (reply != NULL && reply->code == ETCD_UNAVAILABLE)) {
        leave_member(call);
        return call->failed < call->owner->count && !is_stream;
    }
    bool is_old = reply != NULL && reply->error != NULL && !call->is_asking &&
                  call->owner->user != NULL && !call->was_refused &&
                  (reply->code == ETCD_UNAUTHENTICATED ||
                   strstr(reply->error, "revision of auth store is old") != NULL);
    if (is_old) {
        call->was_refused = true;
        g_clear_pointer(&call->owner->token, g_free);
    }
    return is_old;
}

static int parse(const etcd_call *call, const char *text, size_t len, long status,
                 etcd_reply **ret_reply, cpulift_error **err)
{
    const char *url = call->owner->urls[call->member];
    if (etcd_reply_parse(text, len, url, ret_reply, err) != 0) {
        if (status != 200) { // not JSON: no gateway
            cpulift_error_clear(err);
            return cpulift_error_set(err, CPULIFT_EREMOTE,
                                     "'%s' answers with HTTP status %ld (%.*s); etcd 3.4 or newer "
                                     "with its JSON gateway is needed",
                                     url, status, (int)MIN(strcspn(text, "\r\n"), 200), text);
        }
        return cpulift_error_prefix(err, CPULIFT_EINPUT, "etcd answers what is none of its words");
    }
    return (*ret_reply)->error == NULL ? 0
                                       : cpulift_error_set(err, CPULIFT_EREMOTE, "'%s' refuses: %s",
                                                           url, (*ret_reply)->error);
}

static void answer(void *data, const struct http_answer *got)
{
    etcd_call *call = data;
    g_autoptr(etcd_reply) reply = NULL;
    g_autoptr(cpulift_error) err = NULL;
    call->http = NULL;
    if (got->err != NULL) {
        cpulift_error_set(&err, got->err->code, "%s", got->err->message);
    } else if (call->is_stream && got->status == 200) {
        cpulift_error_set(&err, CPULIFT_EREMOTE, "'%s' ended its stream",
                          call->owner->urls[call->member]);
    } else {
        (void)parse(call, got->text, got->len, got->status, &reply, &err);
    }
    if (err != NULL && can_repeat(call, reply, got->err != NULL ? 0 : got->status)) {
        start(call);
    } else if (err != NULL) {
        cpulift_error_prefix(&err, err->code, "'%s'", call->owner->name);
        end(call, g_steal_pointer(&reply), err);
    } else if (call->is_asking) {
        g_free(call->owner->token);
        call->owner->token = g_strdup(reply != NULL && reply->token != NULL ? reply->token : "");
        start(call);
    } else {
        end(call, g_steal_pointer(&reply), NULL);
    }
}

static void answer_line(void *data, const char *line, size_t len)
{
    etcd_call *call = data;
    g_autoptr(etcd_reply) reply = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (parse(call, line, len, 200, &reply, &err) == 0) {
        call->done(call->data, g_steal_pointer(&reply), NULL);
        return;
    }
    g_clear_pointer(&call->owner->token, g_free); // perhaps that is why
    cpulift_error_prefix(&err, err->code, "'%s'", call->owner->name);
    end(call, g_steal_pointer(&reply), err);
}

static void start(etcd_call *call)
{
    etcd *self = call->owner;
    g_autofree char *login = NULL;
    call->is_asking = self->user != NULL && self->token == NULL;
    call->member = self->current;
    if (call->is_asking) {
        g_autoptr(json_t) body =
            json_pack("{s:s, s:s}", "name", self->user, "password", self->password);
        login = json_format_line(body);
    }
    const char *path = call->is_asking ? "/v3/auth/authenticate" : call->path;
    bool is_stream = call->is_stream && !call->is_asking;
    g_autofree char *url = g_strconcat(self->urls[call->member], path, NULL);
    g_autofree char *authorization = call->is_asking || self->token == NULL
                                         ? NULL
                                         : g_strconcat("Authorization: ", self->token, NULL);
    // A member that is cut off from the others says so, and does not go on as if nothing happened.
    const char *const headers[] = {"Grpc-Metadata-Hasleader: true", authorization, NULL};
    const struct http_request request = {
        .url = url,
        .body = login != NULL ? login : call->body,
        .headers = headers,
        .max = ANSWER_MAX,
        .timeout_ms = is_stream ? 0 : TIMEOUT_MS,
        .line = is_stream ? answer_line : NULL,
        .done = answer,
        .data = call,
    };
    call->http = http_start(self->client, &request);
}

static etcd_call *call_new(etcd *self, const char *path, char *body, etcd_done done, void *data)
{
    etcd_call *call = g_new0(etcd_call, 1);
    call->owner = self;
    call->path = g_strdup(path);
    call->body = body;
    call->done = done;
    call->data = data;
    g_hash_table_add(self->calls, call);
    return call;
}

etcd_call *etcd_start(etcd *self, const char *path, char *body, etcd_done done, void *data)
{
    etcd_call *call = call_new(self, path, body, done, data);
    start(call);
    return call;
}

etcd_call *etcd_start_stream(etcd *self, const char *path, char *body, etcd_done done, void *data)
{
    etcd_call *call = call_new(self, path, body, done, data);
    call->is_stream = true;
    start(call);
    return call;
}

/// What etcd_perform waits for.
struct wait {
    bool is_over;
    etcd_reply *reply;
    cpulift_error *err;
};

static void end_wait(void *data, etcd_reply *reply, const cpulift_error *err)
{
    struct wait *wait = data;
    wait->is_over = true;
    wait->reply = reply;
    if (err != NULL) {
        cpulift_error_set(&wait->err, err->code, "%s", err->message);
    }
}

int etcd_perform(etcd *self, const char *path, char *body, etcd_reply **ret_reply,
                 cpulift_error **err)
{
    struct wait wait = {0};
    etcd_start(self, path, body, end_wait, &wait);
    while (!wait.is_over) {
        g_main_context_iteration(self->context, TRUE);
    }
    g_autoptr(etcd_reply) reply = wait.reply;
    g_autoptr(cpulift_error) why = wait.err;
    if (why == NULL && reply != NULL) {
        *ret_reply = g_steal_pointer(&reply);
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_EREMOTE, "%s",
                             why != NULL ? why->message : "etcd did not answer");
}

/// Refuses a key that does not stand where it was asked for, behind `last`.
static int check_key(const etcd *self, const etcd_pair *pair, const char *prefix, const char *last,
                     cpulift_error **err)
{
    if (strlen(pair->key) == pair->key_len && g_str_has_prefix(pair->key, prefix) &&
        text_is_name(pair->key + strlen(prefix)) && (last == NULL || strcmp(pair->key, last) > 0)) {
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' has the key '%s', which is none of ours; remove it "
                             "('etcdctl del')",
                             self->name, pair->key);
}

/// One page; *last is the key that it ends with.
static int add_page(const etcd *self, const etcd_reply *reply, const char *prefix, char **last,
                    int (*add)(void *, const char *, const etcd_pair *, cpulift_error **),
                    void *data, cpulift_error **err)
{
    for (size_t i = 0; reply->pairs != NULL && i < reply->pairs->len; i++) {
        const etcd_pair *pair = reply->pairs->pdata[i];
        TRY(check_key(self, pair, prefix, *last, err));
        TRY(add(data, pair->key + strlen(prefix), pair, err));
        g_free(*last);
        *last = g_strdup(pair->key);
    }
    return 0;
}

int etcd_list(etcd *self, const char *part, guint64 *revision,
              int (*add)(void *data, const char *name, const etcd_pair *pair, cpulift_error **err),
              void *data, cpulift_error **err)
{
    g_autofree char *prefix = etcd_name_key(self, part, ""), *stop = etcd_reply_end(prefix);
    g_autofree char *last = NULL;
    const gint64 end = g_get_monotonic_time() + (gint64)LIST_MAX_S * G_USEC_PER_SEC;
    for (size_t pages = 0; pages < PAGES_MAX && g_get_monotonic_time() < end; pages++) {
        g_autoptr(etcd_reply) reply = NULL;
        const char *from = last != NULL ? last : prefix;
        size_t len = strlen(from) + (last != NULL); // the next key that there can be
        char *body = etcd_request_range(from, len, stop, PAGE_KEYS, *revision);
        TRY(etcd_perform(self, "/v3/kv/range", body, &reply, err));
        *revision = *revision != 0 ? *revision : reply->header.revision;
        TRY(add_page(self, reply, prefix, &last, add, data, err));
        if (!reply->is_more || reply->pairs == NULL || reply->pairs->len == 0) {
            return 0;
        }
    }
    return cpulift_error_set(err, CPULIFT_EREMOTE,
                             "'%s' tells of keys below '%s' without end: more than %d, or for "
                             "longer than %d s",
                             self->name, prefix, PAGES_MAX * PAGE_KEYS, LIST_MAX_S);
}
