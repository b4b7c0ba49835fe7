// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/json.h"

#include <string.h>

/// Up to here a real holds every integer.
#define REAL_EXACT_MAX 0x1p53

static int parse(const char *text, size_t len, size_t flags, const char *name, json_t **ret_json,
                 cpulift_error **err)
{
    json_error_t where;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES | flags, &where);
    if (json == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is not valid JSON: line %d, column %d: %s", name, where.line,
                                 where.column, where.text);
    }
    *ret_json = json;
    return 0;
}

int json_parse_text(const char *text, size_t len, const char *name, json_t **ret_json,
                    cpulift_error **err)
{
    return parse(text, len, 0, name, ret_json, err);
}

int json_parse_foreign(const char *text, size_t len, const char *name, json_t **ret_json,
                       cpulift_error **err)
{
    return parse(text, len, JSON_DECODE_INT_AS_REAL, name, ret_json, err);
}

int json_parse_sequence(const char *text, size_t len, const char *name, json_t **ret_array,
                        cpulift_error **err)
{
    g_autoptr(json_t) array = json_array();
    size_t at = 0;
    while (at < len && g_ascii_isspace(text[at])) {
        at++;
    }
    while (at < len) {
        json_error_t where;
        json_t *json = json_loadb(
            text + at, len - at,
            JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_DISABLE_EOF_CHECK, &where);
        if (json == NULL) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s' is not valid JSON: value %zu, line %d: %s", name,
                                     json_array_size(array) + 1, where.line, where.text);
        }
        json_array_append_new(array, json);
        at += (size_t)where.position;
        while (at < len && g_ascii_isspace(text[at])) {
            at++;
        }
    }
    *ret_array = g_steal_pointer(&array);
    return 0;
}

int json_check_schema(const json_t *json, const char *name, const char *schema, cpulift_error **err)
{
    const char *found = json_get_string(json, "schema");
    if (found == NULL) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' is not a cpulift document: it has no \"schema\"; expected %s", name, schema);
    }
    if (strcmp(found, schema) == 0) {
        return 0;
    }
    size_t kind = strcspn(schema, "/");
    bool same_kind = strncmp(found, schema, kind) == 0 && found[kind] == '/';
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        same_kind
            ? "'%s' has schema '%s', another version than the %s that this program reads; use the "
              "cpulift that wrote it"
            : "'%s' has schema '%s' where %s is expected; name the right document",
        name, found, schema);
}

static int append(const char *bytes, size_t len, void *text)
{
    g_string_append_len(text, bytes, (gssize)len);
    return 0;
}

/// Without the two copies that json_dumps() makes: a large fleet's plan is tens of MiB. In ASCII:
/// what others named may hold characters that steer a terminal.
static char *dump(const json_t *json, size_t flags)
{
    GString *text = g_string_new(NULL);
    const size_t all = JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_ENSURE_ASCII | flags;
    int rc = json_dump_callback(json, append, text, all);
    g_return_val_if_fail(rc == 0, g_string_free(text, TRUE));
    return g_string_free(g_string_append_c(text, '\n'), FALSE);
}

char *json_format_document(const json_t *json)
{
    return dump(json, JSON_INDENT(2));
}

char *json_format_line(const json_t *json)
{
    return dump(json, JSON_COMPACT);
}

const char *json_get_string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

guint64 json_get_uint(const json_t *object, const char *key, guint64 otherwise)
{
    const json_t *value = json_object_get(object, key);
    double real = json_real_value(value);
    if (json_is_real(value) && real >= 0 && real <= REAL_EXACT_MAX &&
        real == (double)(guint64)real) {
        return (guint64)real;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return otherwise;
    }
    return (guint64)json_integer_value(value);
}

json_t *json_new_strings(const char *const *strings, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array, json_string(strings[i]));
    }
    return array;
}

int json_each_string(const json_t *object, const char *key, const char *name,
                     int (*add)(void *data, const char *string, cpulift_error **err), void *data,
                     cpulift_error **err)
{
    const json_t *array = json_object_get(object, key);
    if (array != NULL && !json_is_array(array)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': \"%s\" is not a list", name, key);
    }
    size_t i;
    const json_t *item;
    json_array_foreach (array, i, item) {
        const char *string = json_string_value(item);
        if (string == NULL) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s': \"%s\" holds something that is no name", name, key);
        }
        TRY(add(data, string, err));
    }
    return 0;
}
