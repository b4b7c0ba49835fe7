// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/result.h"

#include "base/json.h"

#include <math.h>
#include <string.h>

/// The middle of two numbers that are near the largest one is none.
#define FIGURE_MAX 1e100
#define UNIT_MAX   32

static int parse_number(const record_at *at, const record_row *row, const json_t *value, void *base,
                        cpulift_error **err)
{
    double *place = record_get_place(row, base);
    double number = json_number_value(value);
    if (!json_is_number(value) || fabs(number) > FIGURE_MAX) {
        return record_refuse(at, err, "is no number up to 1e100");
    }
    if (place != NULL) {
        *place = number;
    }
    return 0;
}

static json_t *format_number(const record_row *row, const void *base, const void *data)
{
    (void)data;
    return json_real(*(const double *)record_get_place(row, base));
}

static const struct record_kind number = {"number", parse_number, format_number, NULL};

/// Units go into programs for gnuplot: nothing there but what a unit needs. A time or a rate, whose
/// value stands in the row before, is not negative.
static int parse_unit(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/%^._- ";
    const struct figure *figure = base;
    const char *unit = json_string_value(value);
    bool is_of_time = unit != NULL && (strcmp(unit, "s") == 0 || g_str_has_suffix(unit, "/s"));
    if (figure != NULL && figure->value < 0 && is_of_time) {
        return record_refuse(at, err, "is one of time, of which %g is none", figure->value);
    }
    if (unit == NULL || *unit == '\0' || unit[strspn(unit, allowed)] != '\0') {
        return record_refuse(at, err, "is no unit: letters, digits and / %% ^ . _ - only");
    }
    return record_string.parse(at, row, value, base, err);
}

static json_t *format_unit(const record_row *row, const void *base, const void *data)
{
    return record_string.format(row, base, data);
}

static void clear_unit(const record_row *row, void *base)
{
    record_string.clear(row, base);
}

static const struct record_kind unit = {"unit", parse_unit, format_unit, clear_unit};

#define FIGURE(member) RECORD_AT(struct figure, member)
#define RESULT(member) RECORD_AT(result, member)

RECORD_MAP_ITEM(figure_record, struct figure, {"value", &number, FIGURE(value), RECORD_REQUIRED},
                {"unit", &unit, FIGURE(unit), RECORD_REQUIRED, .max = UNIT_MAX})

/// The members that the table of workloads names as the code path; the others are the workload's.
static const struct record told_record = {
    RECORD_ROWS({"blas", &record_string, RECORD_CHECKED, .meaning = "Linpack's library"},
                {"blas_core", &record_string, RECORD_CHECKED, .meaning = "its kernels"},
                {"openblas_core", &record_string, RECORD_CHECKED,
                 .meaning = "as `blas_core`, of older versions"},
                {"kernels", &record_string, RECORD_CHECKED, .meaning = "of the device simulator"}),
};

/// For results inside samples, where no schema is looked for.
static const char *const schemas[] = {RESULT_SCHEMA, NULL};

const struct record result_record = {
    .schema = RESULT_SCHEMA,
    RECORD_ROWS({"schema", &record_word, .flags = RECORD_REQUIRED, .words = schemas},
                {"workload", &record_name, RESULT(workload), .meaning = "its name"},
                {"figures", &record_map, RESULT(figures), RECORD_NAMES, .record = &figure_record,
                 .meaning = "name → `value` and `unit`"},
                {"verified", &record_bool, RESULT(is_verified), RECORD_ALWAYS,
                 .meaning = "`true`: the answer was checked and is right"},
                {"verification", &record_json, RESULT(verification), .record = &told_record,
                 .meaning = "how it was checked, with the numbers"},
                {"details", &record_json, RESULT(details), .record = &told_record,
                 .meaning = "what ran: sizes, threads, the code path that a library chose"}),
    .size = sizeof(result),
};

void result_free(result *self)
{
    record_free(&result_record, self);
}

int result_parse(const char *text, size_t len, const char *name, result **ret_result,
                 cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    g_autoptr(result) self = record_new(&result_record);
    TRY(json_parse_text(text, len, name, &json, err));
    TRY(record_parse(&result_record, json, name, NULL, self, err));
    *ret_result = g_steal_pointer(&self);
    return 0;
}

void result_add_figure(result *self, const char *name, double value, const char *unit_name)
{
    struct figure *figure = g_new0(struct figure, 1);
    *figure = (struct figure){g_strdup(name), value, g_strdup(unit_name)};
    g_ptr_array_add(self->figures, figure);
}

const struct figure *result_find_figure(const result *self, const char *name)
{
    for (unsigned i = 0; self != NULL && i < self->figures->len; i++) {
        const struct figure *figure = self->figures->pdata[i];
        if (strcmp(figure->name, name) == 0) {
            return figure;
        }
    }
    return NULL;
}

const char *result_get_path(const result *self, const char *key)
{
    const char *path = self != NULL ? json_get_string(self->details, key) : NULL;
    return self != NULL && path == NULL ? json_get_string(self->verification, key) : path;
}
