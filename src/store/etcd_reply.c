// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/etcd_reply.h"

#include "base/json.h"
#include "base/record.h"

#include <string.h>

/// The gateway writes 64-bit numbers as strings, those of enums and codes as numbers.
static int parse_number(const record_at *at, const record_row *row, const json_t *value, void *base,
                        cpulift_error **err)
{
    guint64 number = 0;
    const char *text = json_string_value(value);
    guint64 *place = record_get_place(row, base);
    if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &number, NULL)) {
        return record_refuse(at, err, "is no number");
    }
    if (place != NULL) {
        *place = number;
    }
    return 0;
}

static const struct record_kind number_kind = {"integer as text", parse_number, NULL, NULL};

#define PAIR(member)  RECORD_AT(etcd_pair, member)
#define EVENT(member) RECORD_AT(struct etcd_event, member)
#define REPLY(member) RECORD_AT(etcd_reply, member)

static const char *const event_words[] = {"PUT", "DELETE", NULL};

RECORD_ITEM(pair_record, etcd_pair,
            {"key", &record_base64, RECORD_BYTES_AT(etcd_pair, key, key_len), RECORD_REQUIRED},
            {"value", &record_base64, RECORD_BYTES_AT(etcd_pair, value, len)},
            {"mod_revision", &number_kind, PAIR(revision)}, {"lease", &number_kind, PAIR(lease)})

RECORD_ITEM(event_record, struct etcd_event,
            {"type", &record_word, EVENT(is_delete), .words = event_words},
            {"kv", &record_object, EVENT(kv), RECORD_REQUIRED, .record = &pair_record})

static const struct record header_record = {
    RECORD_ROWS({"revision", &number_kind, RECORD_AT(struct etcd_header, revision)}),
    .size = sizeof(struct etcd_header),
};

static const struct record reply_record = {
    RECORD_ROWS(
        {"header", &record_object, REPLY(header), .record = &header_record},
        {"kvs", &record_list, REPLY(pairs), .record = &pair_record},
        {"more", &record_bool, REPLY(is_more)}, {"ID", &number_kind, REPLY(lease)},
        {"TTL", &number_kind, REPLY(ttl)}, {"token", &record_string, REPLY(token), .max = 4096},
        {"created", &record_bool, REPLY(is_created)},
        {"canceled", &record_bool, REPLY(is_cancelled)},
        {"compact_revision", &number_kind, REPLY(compacted)},
        {"cancel_reason", &record_string, REPLY(why), RECORD_TEXT},
        {"events", &record_list, REPLY(events), .record = &event_record},
        {"code", &record_uint, REPLY(code)}, {"error", &record_string, REPLY(error), RECORD_TEXT}),
    .size = sizeof(etcd_reply),
};

/// An error of a stream is an object: its code and text are put where those of others stand.
static json_t *find_inner(const json_t *json)
{
    json_t *error = json_object_get(json, "error");
    if (!json_is_object(error)) {
        json_t *result = json_object_get(json, "result");
        return json_incref(result != NULL ? result : (json_t *)json);
    }
    json_t *inner = json_object();
    const char *message = json_get_string(error, "message");
    json_object_set_new(inner, "error", json_string(message != NULL ? message : "an error"));
    json_object_set_new(inner, "code",
                        json_integer((json_int_t)json_get_uint(error, "grpc_code", 0)));
    return inner;
}

/// A transaction did its part, or the one within it.
static bool is_done(const json_t *json)
{
    const json_t *first = json_array_get(json_object_get(json, "responses"), 0);
    const json_t *inner = json_object_get(first, "response_txn");
    return json_is_true(json_object_get(json, "succeeded")) ||
           json_is_true(json_object_get(inner, "succeeded"));
}

int etcd_reply_parse(const char *text, size_t len, const char *name, etcd_reply **ret_reply,
                     cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    g_autoptr(etcd_reply) reply = record_new(&reply_record);
    TRY(json_parse_text(text, len, name, &json, err));
    g_autoptr(json_t) inner = find_inner(json);
    TRY(record_parse(&reply_record, inner, name, NULL, reply, err));
    reply->is_done = is_done(inner);
    *ret_reply = g_steal_pointer(&reply);
    return 0;
}

void etcd_reply_free(etcd_reply *reply)
{
    record_free(&reply_record, reply);
}

char *etcd_reply_end(const char *prefix)
{
    char *end = g_strdup(prefix);
    end[strlen(end) - 1]++; // of a path, never 0xff
    return end;
}

static json_t *new_bytes(const char *bytes, size_t len)
{
    g_autofree char *base64 = g_base64_encode((const guchar *)bytes, len);
    return json_string(base64);
}

static void set_number(json_t *object, const char *key, guint64 number)
{
    if (number != 0) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
        json_object_set_new(object, key, json_string(text));
    }
}

static json_t *new_range(const char *key, size_t key_len, const char *end)
{
    json_t *range = json_pack("{s:o}", "key", new_bytes(key, key_len));
    if (end != NULL) {
        json_object_set_new(range, "range_end", new_bytes(end, strlen(end)));
    }
    return range;
}

char *etcd_request_range(const char *key, size_t key_len, const char *end, guint64 limit,
                         guint64 revision)
{
    g_autoptr(json_t) body = new_range(key, key_len, end);
    set_number(body, "limit", limit);
    set_number(body, "revision", revision);
    return json_format_line(body);
}

static json_t *new_put(const char *key, const char *value, size_t len, guint64 lease)
{
    json_t *put = new_range(key, strlen(key), NULL);
    json_object_set_new(put, "value", new_bytes(value, len));
    set_number(put, "lease", lease);
    return put;
}

char *etcd_request_put(const char *key, const char *value, size_t len, guint64 lease)
{
    g_autoptr(json_t) body = new_put(key, value, len, lease);
    return json_format_line(body);
}

/// A list of the two puts, as requests of a transaction.
static json_t *new_puts(const struct etcd_place *place, const char *value, size_t len,
                        guint64 lease)
{
    return json_pack("[{s:o}, {s:o}]", "request_put", new_put(place->key, value, len, lease),
                     "request_put", new_put(place->member, place->owner, strlen(place->owner), 0));
}

static json_t *new_compare(const char *key, const char *target)
{
    json_t *compare = new_range(key, strlen(key), NULL);
    json_object_set_new(compare, "target", json_string(target));
    json_object_set_new(compare, "result", json_string("EQUAL"));
    return compare;
}

char *etcd_request_publish(const struct etcd_place *place, const char *value, size_t len,
                           guint64 lease)
{
    json_t *is_ours = new_compare(place->member, "VALUE");
    json_t *is_free = new_compare(place->key, "VERSION"); // of what is not there it is 0
    json_object_set_new(is_ours, "value", new_bytes(place->owner, strlen(place->owner)));
    json_object_set_new(is_free, "version", json_string("0"));
    json_t *take = json_pack("{s:[o], s:o}", "compare", is_free, "success",
                             new_puts(place, value, len, lease));
    g_autoptr(json_t) body =
        json_pack("{s:[o], s:o, s:[{s:o}]}", "compare", is_ours, "success",
                  new_puts(place, value, len, lease), "failure", "request_txn", take);
    return json_format_line(body);
}

char *etcd_request_grant(unsigned ttl)
{
    g_autoptr(json_t) body = json_object();
    set_number(body, "TTL", ttl);
    return json_format_line(body);
}

char *etcd_request_keep(guint64 lease)
{
    g_autoptr(json_t) body = json_object();
    set_number(body, "ID", lease);
    return json_format_line(body);
}

char *etcd_request_watch(const char *key, const char *end, guint64 revision)
{
    json_t *create = new_range(key, strlen(key), end);
    set_number(create, "start_revision", revision);
    g_autoptr(json_t) body = json_pack("{s:o}", "create_request", create);
    return json_format_line(body);
}
