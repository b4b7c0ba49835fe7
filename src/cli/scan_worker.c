// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/scan_worker.h"

#include "base/json.h"
#include "virt/scan.h"

static int scan(const struct scan_target *target, const catalog *map, unsigned timeout_ms,
                GPtrArray *warnings, json_t *message, cpulift_error **err)
{
    g_autoptr(virt_conn) conn = NULL;
    g_autoptr(cpulift_host) host = NULL;
    // libvirt tells domain capabilities to those only who might start guests.
    int rc = conn_open(target->uri, CONN_FULL, timeout_ms, &conn, err);
    if (rc == 0) {
        json_object_set_new(message, "via", json_string(conn_to_string(conn)));
        rc = scan_read(conn, target->name, map, timeout_ms, warnings, &host, err);
    }
    if (rc == 0) {
        json_object_set_new(message, "document", host_format(host, map));
    }
    return rc;
}

char *scan_worker_run(const struct scan_target *target, const catalog *map, unsigned timeout_ms)
{
    g_autoptr(json_t) message = json_object();
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    if (scan(target, map, timeout_ms, warnings, message, &err) != 0) {
        json_object_set_new(message, "error", json_string(err->message));
        json_object_set_new(message, "code", json_integer(err->code));
    }
    json_object_set_new(message, "warnings",
                        json_new_strings((const char *const *)warnings->pdata, warnings->len));
    return json_format_line(message);
}

void scan_worker_parse(const char *text, size_t len, const struct scan_target *target,
                       struct scan_result *ret_result)
{
    g_autoptr(json_t) message = NULL;
    struct scan_result result = {0};
    if (json_parse_text(text, len, scan_targets_to_string(target), &message, &result.err) == 0) {
        result.document = json_incref(json_object_get(message, "document"));
        result.warnings = json_incref(json_object_get(message, "warnings"));
        result.via = g_strdup(json_get_string(message, "via"));
    }
    const char *why = json_get_string(message, "error");
    if (result.document == NULL && result.err == NULL) {
        int code = (int)json_integer_value(json_object_get(message, "code"));
        cpulift_error_set(&result.err, code, "%s", why != NULL ? why : "no answer");
    }
    if (target->name != NULL) {
        cpulift_error_prefix(&result.err, 0, "host '%s'", target->name);
    }
    *ret_result = result;
}

void scan_result_clear(struct scan_result *result)
{
    json_decref(result->document);
    json_decref(result->warnings);
    g_free(result->via);
    cpulift_error_free(result->err);
}
