// SPDX-License-Identifier: LGPL-2.1-or-later
/// What QEMU itself says: the replies that import.h names.
#include "base/json.h"
#include "base/text.h"
#include "core/import.h"

const json_t *import_find_model(const json_t *reply)
{
    const json_t *found = json_object_get(reply, "return");
    const json_t *inner = found != NULL ? found : reply;
    const json_t *model = json_object_get(inner, "model");
    return model != NULL ? model : inner;
}

int import_expansion(const json_t *reply, const char *name, const catalog *map,
                     feature_set *ret_features, GPtrArray *ret_unknown, cpulift_error **err)
{
    json_t *props = json_object_get(import_find_model(reply), "props");
    if (!json_is_object(props)) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' is no reply to query-cpu-model-expansion: it has no \"props\"", name);
    }
    feature_set features = {0};
    const char *key;
    const json_t *value;
    json_object_foreach (props, key, value) {
        int id = catalog_find_installed(map, key);
        if (id >= 0 && !json_is_boolean(value)) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s': \"props.%s\" is neither true nor false", name, key);
        }
        if (!json_is_true(value)) {
            continue;
        }
        if (id >= 0) {
            feature_set_add(&features, (size_t)id);
        } else if (!catalog_is_qemu_property(key) && text_is_name(key)) {
            g_ptr_array_add(ret_unknown, g_strdup(key));
        }
    }
    *ret_features = features;
    return 0;
}

/// The features as libvirt spells them, sorted and each once, though QEMU may list two spellings.
static json_t *format_blockers(const json_t *why, const catalog *map)
{
    feature_set known = {0};
    g_autoptr(json_t) unknown = json_array();
    for (size_t i = 0; i < json_array_size(why); i++) {
        const char *feature = json_string_value(json_array_get(why, i));
        int id = feature != NULL ? catalog_find_installed(map, feature) : -1;
        if (id >= 0) {
            feature_set_add(&known, (size_t)id);
        } else if (feature != NULL && text_is_name(feature)) {
            json_array_append_new(unknown, json_string(feature));
        }
    }
    json_t *features = host_format_features(&known, map);
    json_array_extend(features, unknown);
    return features;
}

/// What QEMU says of a named model. What stops it may be absent: not known.
static const record_row text_row = {.kind = &record_string};
static const struct record definition_record = {
    RECORD_ROWS({"name", &record_string, .flags = RECORD_REQUIRED},
                {"unavailable-features", &record_json, .each = &text_row})};
static const record_row definitions_row = {.kind = &record_list, .record = &definition_record};

int import_definitions(const json_t *list, const char *name, const catalog *map,
                       struct host_guest *guest, cpulift_error **err)
{
    const record_at at = {.name = name};
    TRY(record_parse_value(&at, &definitions_row, list, NULL, err));
    g_autoptr(GPtrArray) usable = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(json_t) blocked = json_object();
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        const char *model = json_get_string(item, "name");
        const json_t *why = json_object_get(item, "unavailable-features");
        if (why == NULL || !text_is_name(model)) {
            continue;
        }
        if (json_array_size(why) == 0) {
            g_ptr_array_add(usable, g_strdup(model));
            continue;
        }
        json_object_set_new(blocked, model, format_blockers(why, map));
    }
    g_ptr_array_sort(usable, text_compare);
    g_ptr_array_add(usable, NULL);
    g_strfreev(guest->usable_models);
    json_decref(guest->blocked_models);
    guest->usable_models = (char **)g_ptr_array_free(g_steal_pointer(&usable), FALSE);
    guest->blocked_models = g_steal_pointer(&blocked);
    return 0;
}

void import_identity(const json_t *model, const catalog *map, cpulift_host *host)
{
    const json_t *props = json_object_get(model, "props");
    const char *vendor = json_get_string(props, "vendor");
    const struct catalog_vendor *known = vendor != NULL ? catalog_find_vendor(map, vendor) : NULL;
    if (host->vendor == NULL) {
        bool is_name = vendor != NULL && text_is_name(vendor);
        host->vendor = g_strdup(known != NULL ? known->name : is_name ? vendor : NULL);
    }
    if (host->arch == NULL) {
        host->arch = g_strdup("x86_64");
    }
    if (json_object_get(props, "family") != NULL && json_object_get(props, "model") != NULL) {
        host->family = (unsigned)json_get_uint(props, "family", 0);
        host->model = (unsigned)json_get_uint(props, "model", 0);
        host->stepping = (unsigned)json_get_uint(props, "stepping", 0);
    }
}
