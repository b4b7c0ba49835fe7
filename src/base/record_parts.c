// SPDX-License-Identifier: LGPL-2.1-or-later
/// The kinds of members that hold others: objects, lists and maps of them, JSON as it is.
#include "base/record_internal.h"
#include "base/text.h"

/// Without a place of its own an object's members stand in the struct around it.
static void *get_inner(const record_row *row, const void *base)
{
    return row->size == 0 ? (void *)base : record_get_place(row, base);
}

static int parse_object(const record_at *at, const record_row *row, const json_t *value, void *base,
                        cpulift_error **err)
{
    return record_parse_part(row->record, at, value, get_inner(row, base), err);
}

static json_t *format_object(const record_row *row, const void *base, const void *data)
{
    json_t *json = record_format(row->record, get_inner(row, base), data);
    if (!record_is_written(row, json_object_size(json) > 0)) {
        g_clear_pointer(&json, json_decref);
    }
    return json;
}

static void clear_object(const record_row *row, void *base)
{
    record_clear(row->record, get_inner(row, base));
}

const struct record_kind record_object = {"object", parse_object, format_object, clear_object};

static int parse_pointer(const record_at *at, const record_row *row, const json_t *value,
                         void *base, cpulift_error **err)
{
    void **place = record_get_place(row, base);
    if (place != NULL && *place == NULL) {
        *place = record_new(row->record);
    }
    return record_parse_part(row->record, at, value, place != NULL ? *place : NULL, err);
}

static json_t *format_pointer(const record_row *row, const void *base, const void *data)
{
    void *const *place = record_get_place(row, base);
    return *place != NULL ? record_format(row->record, *place, data) : NULL;
}

static void clear_pointer(const record_row *row, void *base)
{
    record_free(row->record, *(void **)record_get_place(row, base));
}

const struct record_kind record_pointer = {"object", parse_pointer, format_pointer, clear_pointer};

static int parse_item(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err)
{
    GPtrArray *const *place = record_get_place(row, base);
    if (row->record == NULL) {
        return row->each != NULL ? record_parse_value(at, row->each, value, NULL, err) : 0;
    }
    void *item = NULL;
    if (place != NULL) {
        item = record_new(row->record);
        g_ptr_array_add(*place, item);
    }
    if (item != NULL && at->key != NULL) {
        *(char **)item = g_strdup(at->key);
    }
    return record_parse_part(row->record, at, value, item, err);
}

/// The items of a list, or the values of an object; each into a struct of its own, or only checked.
static int parse_items(const record_at *at, const record_row *row, const json_t *value, void *base,
                       cpulift_error **err)
{
    TRY(record_check_count(at, row, json_array_size(value) + json_object_size(value), err));
    size_t i;
    const char *key;
    json_t *item;
    json_array_foreach (value, i, item) {
        const record_at here = {at, NULL, i, at->name, at->data};
        TRY(parse_item(&here, row, item, base, err));
    }
    json_object_foreach ((json_t *)value, key, item) {
        const record_at here = {at, key, 0, at->name, at->data};
        if ((row->flags & RECORD_NAMES) != 0 && !text_is_name(key)) {
            return record_refuse(&here, err, "is no name");
        }
        TRY(parse_item(&here, row, item, base, err));
    }
    return 0;
}

/// An empty list is not an absent one.
static void make_list(const record_row *row, void *base)
{
    GPtrArray **place = record_get_place(row, base);
    if (place != NULL && *place == NULL) {
        g_assert(row->record != NULL);
        *place = g_ptr_array_new_with_free_func(row->record->destroy);
    }
}

static int parse_list(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err)
{
    if (!json_is_array(value)) {
        return record_refuse(at, err, "is no list");
    }
    make_list(row, base);
    return parse_items(at, row, value, base, err);
}

static int parse_map(const record_at *at, const record_row *row, const json_t *value, void *base,
                     cpulift_error **err)
{
    if (!json_is_object(value)) {
        return record_refuse(at, err, "is no object");
    }
    make_list(row, base);
    return parse_items(at, row, value, base, err);
}

static json_t *format_list(const record_row *row, const void *base, const void *data)
{
    const GPtrArray *list = *(GPtrArray *const *)record_get_place(row, base);
    json_t *json = record_is_written(row, list != NULL) ? json_array() : NULL;
    for (size_t i = 0; list != NULL && i < list->len; i++) {
        json_array_append_new(json, record_format(row->record, list->pdata[i], data));
    }
    return json;
}

const struct record_kind record_list = {"list of objects", parse_list, format_list,
                                        record_clear_array};

static json_t *format_map(const record_row *row, const void *base, const void *data)
{
    const GPtrArray *list = *(GPtrArray *const *)record_get_place(row, base);
    json_t *json = record_is_written(row, list->len > 0) ? json_object() : NULL;
    for (size_t i = 0; json != NULL && i < list->len; i++) {
        json_object_set_new(json, *(const char *const *)list->pdata[i],
                            record_format(row->record, list->pdata[i], data));
    }
    return json;
}

const struct record_kind record_map = {"map of objects", parse_map, format_map, record_clear_array};

static int parse_json(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err)
{
    json_t **place = record_get_place(row, base);
    if (row->record != NULL) {
        TRY(record_parse_part(row->record, at, value, NULL, err));
    } else if ((row->flags & RECORD_MAP) != 0) {
        TRY(parse_map(at, row, value, NULL, err));
    } else if (row->each != NULL) {
        TRY(parse_list(at, row, value, NULL, err));
    }
    if (place != NULL) {
        json_decref(*place);
        *place = json_incref((json_t *)value);
    }
    return 0;
}

static json_t *format_json(const record_row *row, const void *base, const void *data)
{
    (void)data;
    return json_incref(*(json_t *const *)record_get_place(row, base));
}

static void clear_json(const record_row *row, void *base)
{
    json_decref(*(json_t **)record_get_place(row, base));
}

const struct record_kind record_json = {"JSON", parse_json, format_json, clear_json};
