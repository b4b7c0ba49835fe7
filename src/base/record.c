// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/record.h"

#include "base/json.h"

#include <string.h>

/// So much of a key stands in a message: keys of maps are data.
#define KEY_SHOWN 80

static void append_path(GString *out, const record_at *at)
{
    if (at->up == NULL) {
        return;
    }
    append_path(out, at->up);
    if (at->key == NULL) {
        g_string_append_printf(out, "[%zu]", at->index);
    } else {
        g_string_append_printf(out, "%s%.*s", out->len > 0 ? "." : "", KEY_SHOWN, at->key);
    }
}

int record_refuse(const record_at *at, cpulift_error **err, const char *format, ...)
{
    g_autoptr(GString) path = g_string_new(NULL);
    append_path(path, at);
    va_list args;
    va_start(args, format);
    g_autofree char *why = g_strdup_vprintf(format, args);
    va_end(args);
    return path->len == 0 ? cpulift_error_set(err, CPULIFT_EINPUT, "'%s' %s", at->name, why)
                          : cpulift_error_set(err, CPULIFT_EINPUT, "'%s': \"%s\" %s", at->name,
                                              path->str, why);
}

void *record_get_place(const record_row *row, const void *base)
{
    return base == NULL || row->size == 0 ? NULL : (char *)base + row->place;
}

int record_parse_value(const record_at *at, const record_row *row, const json_t *value, void *base,
                       cpulift_error **err)
{
    bool is_said = !json_is_null(value) || (row->flags & RECORD_NULL) == 0;
    return is_said ? row->kind->parse(at, row, value, base, err) : 0;
}

int record_parse_part(const struct record *self, const record_at *at, const json_t *json,
                      void *base, cpulift_error **err)
{
    if (!json_is_object(json)) {
        return record_refuse(at, err, "is no object");
    }
    for (const record_row *row = self->rows; row->key != NULL; row++) {
        const record_at here = {at, row->key, 0, at->name, at->data};
        const json_t *value = json_object_get(json, row->key);
        if (value != NULL) {
            TRY(record_parse_value(&here, row, value, base, err));
        } else if ((row->flags & RECORD_REQUIRED) != 0) {
            return record_refuse(&here, err, "is missing");
        }
    }
    return 0;
}

int record_parse(const struct record *self, const json_t *json, const char *name, void *data,
                 void *base, cpulift_error **err)
{
    const record_at at = {.name = name, .data = data};
    if (self->schema != NULL) {
        TRY(json_check_schema(json, name, self->schema, err));
    }
    return record_parse_part(self, &at, json, base, err);
}

static const record_row *find_row(const struct record *self, const char *key)
{
    const record_row *row = self->rows;
    while (row->key != NULL && strcmp(row->key, key) != 0) {
        row++;
    }
    return row->key != NULL ? row : NULL;
}

static int check_members(const struct record *self, const record_at *at, const json_t *json,
                         cpulift_error **err);

static int check_value(const record_row *row, const record_at *at, const json_t *value,
                       cpulift_error **err)
{
    size_t i;
    const char *key;
    const json_t *item;
    json_array_foreach (value, i, item) {
        const record_at here = {at, NULL, i, at->name, at->data};
        TRY(check_members(row->record, &here, item, err));
    }
    if (row->kind != &record_map) {
        return check_members(row->record, at, value, err);
    }
    json_t *member;
    json_object_foreach ((json_t *)value, key, member) {
        const record_at here = {at, key, 0, at->name, at->data};
        TRY(check_members(row->record, &here, member, err));
    }
    return 0;
}

static int check_members(const struct record *self, const record_at *at, const json_t *json,
                         cpulift_error **err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)json, key, value) {
        const record_at here = {at, key, 0, at->name, at->data};
        const record_row *row = find_row(self, key);
        if (row == NULL && (at->up != NULL || strcmp(key, "schema") != 0)) {
            return record_refuse(&here, err,
                                 "is not known to this program; use the cpulift that wrote it");
        }
        TRY(row != NULL && row->record != NULL ? check_value(row, &here, value, err) : 0);
    }
    return 0;
}

int record_check_known(const struct record *self, const json_t *json, const char *name,
                       cpulift_error **err)
{
    const record_at at = {.name = name};
    return check_members(self, &at, json, err);
}

/// Rows whose value stands in the struct.
static bool is_kept(const record_row *row)
{
    return row->size != 0 || row->kind == &record_object;
}

json_t *record_format(const struct record *self, const void *base, const void *data)
{
    json_t *json = json_object();
    if (self->schema != NULL) {
        json_object_set_new(json, "schema", json_string(self->schema));
    }
    for (const record_row *row = self->rows; row->key != NULL; row++) {
        json_t *value = is_kept(row) ? row->kind->format(row, base, data) : NULL;
        if (value == NULL && is_kept(row) && (row->flags & RECORD_NULL) != 0) {
            value = json_null();
        }
        if (value != NULL) {
            json_object_set_new(json, row->key, value);
        }
    }
    return json;
}

/// Arrays that may not be NULL, and numbers of which 0 says something.
static void init(const struct record *self, void *base)
{
    for (const record_row *row = self->rows; row->key != NULL; row++) {
        GPtrArray **place = record_get_place(row, base);
        bool is_list = row->kind == &record_list && (row->flags & RECORD_REQUIRED) != 0;
        if (row->kind == &record_object) {
            init(row->record, place != NULL ? (void *)place : base);
        } else if (place != NULL && row->kind == &record_array) {
            *place = g_ptr_array_new_with_free_func(g_free);
        } else if (place != NULL && (is_list || row->kind == &record_map)) {
            *place = g_ptr_array_new_with_free_func(row->record->destroy);
        } else if (place != NULL && (row->flags & RECORD_UNSAID) != 0) {
            *(gint64 *)(void *)place = -1;
        }
    }
}

void *record_new(const struct record *self)
{
    void *base = g_malloc0(self->size);
    init(self, base);
    return base;
}

void record_clear(const struct record *self, void *base)
{
    for (const record_row *row = self->rows; row->key != NULL; row++) {
        if (is_kept(row) && row->kind->clear != NULL) {
            row->kind->clear(row, base);
        }
    }
}

void record_free(const struct record *self, void *base)
{
    if (base != NULL) {
        record_clear(self, base);
        g_free(base);
    }
}

bool record_equal(const struct record *self, const void *a, const void *b, const void *data)
{
    g_autoptr(json_t) json_a = record_format(self, a, data);
    g_autoptr(json_t) json_b = record_format(self, b, data);
    return json_equal(json_a, json_b);
}
