// SPDX-License-Identifier: LGPL-2.1-or-later
/// The kinds of members that hold one value, or strings.
#include "base/json.h"
#include "base/record_internal.h"
#include "base/text.h"

#include <limits.h>
#include <string.h>

/// What JSON holds exactly, whoever reads it.
#define UINT_MAX_EXACT (UINT64_C(1) << 53)

/// A list of all features, of all models or of many hosts is far shorter.
#define LINE_BYTES_MAX 65536

int record_check_count(const record_at *at, const record_row *row, size_t count,
                       cpulift_error **err)
{
    if (count < row->min) {
        return record_refuse(at, err,
                             "has %zu entries, at least %" G_GUINT64_FORMAT " must be there", count,
                             row->min);
    }
    if (row->max != 0 && count > row->max) {
        return record_refuse(at, err, "has %zu entries, at most %" G_GUINT64_FORMAT " may be there",
                             count, row->max);
    }
    return 0;
}

/// Why a row does not take this string; NULL: it does.
static const char *find_fault(const record_row *row, const char *string)
{
    if ((row->flags & RECORD_NAMES) != 0) {
        return string == NULL || !text_is_name(string) ? "is no name" : NULL;
    }
    if (string == NULL) {
        return "is no string";
    }
    if ((row->flags & RECORD_BELOW) != 0 && !text_is_below(string)) {
        return "is no path below the root";
    }
    bool is_text = (row->flags & RECORD_TEXT) != 0;
    return !is_text && !text_is_line(string)             ? "has control characters"
           : !is_text && strlen(string) > LINE_BYTES_MAX ? "is longer than 64 KiB"
                                                         : NULL;
}

static int parse_string(const record_at *at, const record_row *row, const json_t *value, void *base,
                        cpulift_error **err)
{
    char **place = record_get_place(row, base);
    const char *string = json_string_value(value);
    const char *fault = find_fault(row, string);
    if (fault != NULL) {
        return record_refuse(at, err, "%s", fault);
    }
    if (json_string_length(value) < row->min) {
        return record_refuse(at, err, "is shorter than %" G_GUINT64_FORMAT " bytes", row->min);
    }
    if (row->max != 0 && json_string_length(value) > row->max) {
        return record_refuse(at, err, "is longer than %" G_GUINT64_FORMAT " bytes", row->max);
    }
    if (place != NULL) {
        g_free(*place);
        *place = g_strdup(string);
    }
    return 0;
}

static json_t *format_string(const record_row *row, const void *base, const void *data)
{
    (void)data;
    const char *const *place = record_get_place(row, base);
    return *place != NULL ? json_string(*place) : NULL;
}

static void clear_string(const record_row *row, void *base)
{
    g_free(*(char **)record_get_place(row, base));
}

const struct record_kind record_string = {"string", parse_string, format_string, clear_string};

static int parse_word(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err);

static int parse_name(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err)
{
    const char *string = json_string_value(value);
    if (row->words != NULL) {
        const record_row only_checked = {.words = row->words};
        TRY(parse_word(at, &only_checked, value, NULL, err));
    } else if (string == NULL || !text_is_name(string)) {
        return record_refuse(at, err, "is no name");
    }
    return parse_string(at, row, value, base, err);
}

const struct record_kind record_name = {"name", parse_name, format_string, clear_string};

static int parse_version(const record_at *at, const record_row *row, const json_t *value,
                         void *base, cpulift_error **err)
{
    const char *string = json_string_value(value);
    if (string == NULL || text_parse_version(string) == 0) {
        return record_refuse(at, err, "is no version, as 10.0.2");
    }
    return parse_string(at, row, value, base, err);
}

const struct record_kind record_version = {"version", parse_version, format_string, clear_string};

struct bytes {
    char *bytes; ///< NUL-terminated
    size_t len;
};

/// g_base64_decode() passes over what is none of its characters.
static int parse_base64(const record_at *at, const record_row *row, const json_t *value, void *base,
                        cpulift_error **err)
{
    struct bytes *place = record_get_place(row, base);
    const char *string = json_string_value(value);
    size_t len = 0;
    g_autofree guchar *bytes = g_base64_decode(string != NULL ? string : "", &len);
    g_autofree char *again = g_base64_encode(bytes, len);
    if (string == NULL || strcmp(string, again) != 0) {
        return record_refuse(at, err, "is no base64");
    }
    if (place != NULL) {
        g_free(place->bytes);
        *place = (struct bytes){g_malloc0(len + 1), len};
        memcpy(place->bytes, bytes, len);
    }
    return 0;
}

static json_t *format_base64(const record_row *row, const void *base, const void *data)
{
    (void)data;
    const struct bytes *place = record_get_place(row, base);
    g_autofree char *base64 = g_base64_encode((const guchar *)place->bytes, place->len);
    return json_string(base64);
}

const struct record_kind record_base64 = {"base64", parse_base64, format_base64, clear_string};

/// Numbers, flags and words are kept in what has room for them.
static guint64 load(const record_row *row, const void *base)
{
    const void *place = record_get_place(row, base);
    return row->size == sizeof(bool)       ? *(const bool *)place
           : row->size == sizeof(unsigned) ? *(const unsigned *)place
                                           : *(const guint64 *)place;
}

static void store(const record_row *row, void *base, guint64 value)
{
    void *place = record_get_place(row, base);
    if (place != NULL && row->size == sizeof(bool)) {
        *(bool *)place = value != 0;
    } else if (place != NULL && row->size == sizeof(unsigned)) {
        *(unsigned *)place = (unsigned)value;
    } else if (place != NULL) {
        *(guint64 *)place = value;
    }
}

static int parse_word(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err)
{
    const char *string = json_string_value(value);
    for (size_t i = 0; string != NULL && row->words[i] != NULL; i++) {
        if (strcmp(row->words[i], string) == 0) {
            store(row, base, i);
            return 0;
        }
    }
    g_autofree char *words = g_strjoinv(", ", (char **)row->words);
    return record_refuse(at, err, "is none of %s", words);
}

static json_t *format_word(const record_row *row, const void *base, const void *data)
{
    (void)data;
    return json_string(row->words[load(row, base)]);
}

const struct record_kind record_word = {"word", parse_word, format_word, NULL};

static int parse_uint(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err)
{
    guint64 held = row->size == sizeof(unsigned) ? UINT_MAX : UINT_MAX_EXACT;
    guint64 max = row->max != 0 ? row->max : held;
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (guint64)number < row->min ||
        (guint64)number > max) {
        return record_refuse(at, err,
                             "is no integer from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                             row->min, max);
    }
    store(row, base, (guint64)number);
    return 0;
}

bool record_is_written(const record_row *row, bool says_something)
{
    return says_something || (row->flags & (RECORD_ALWAYS | RECORD_REQUIRED)) != 0;
}

static json_t *format_uint(const record_row *row, const void *base, const void *data)
{
    (void)data;
    guint64 value = load(row, base);
    bool says_something = (row->flags & RECORD_UNSAID) != 0 ? value <= UINT_MAX_EXACT : value != 0;
    return record_is_written(row, says_something) ? json_integer((json_int_t)value) : NULL;
}

const struct record_kind record_uint = {"integer", parse_uint, format_uint, NULL};

static int parse_bool(const record_at *at, const record_row *row, const json_t *value, void *base,
                      cpulift_error **err)
{
    if (!json_is_boolean(value)) {
        return record_refuse(at, err, "is neither true nor false");
    }
    store(row, base, json_is_true(value));
    return 0;
}

static json_t *format_bool(const record_row *row, const void *base, const void *data)
{
    (void)data;
    bool value = load(row, base) != 0;
    return record_is_written(row, value) ? json_boolean(value) : NULL;
}

const struct record_kind record_bool = {"true or false", parse_bool, format_bool, NULL};

int record_parse_strings(const record_at *at, const record_row *row, const json_t *value,
                         GPtrArray *strings, cpulift_error **err)
{
    if (!json_is_array(value)) {
        return record_refuse(at, err, "is no list");
    }
    TRY(record_check_count(at, row, json_array_size(value), err));
    size_t i;
    const json_t *item;
    json_array_foreach (value, i, item) {
        const record_at here = {at, NULL, i, at->name, at->data};
        const char *string = json_string_value(item);
        const char *fault = find_fault(row, string);
        if (fault != NULL) {
            return record_refuse(&here, err, "%s", fault);
        }
        g_ptr_array_add(strings, (void *)string);
    }
    return 0;
}

void record_merge_strings(char ***vector, const GPtrArray *strings)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    for (size_t i = 0; i < strings->len; i++) {
        g_ptr_array_add(all, strings->pdata[i]);
    }
    for (char **old = *vector; old != NULL && *old != NULL; old++) {
        g_ptr_array_add(all, *old);
    }
    g_ptr_array_sort(all, text_compare);
    GPtrArray *once = g_ptr_array_new();
    for (size_t i = 0; i < all->len; i++) {
        if (i == 0 || strcmp(all->pdata[i], all->pdata[i - 1]) != 0) {
            g_ptr_array_add(once, g_strdup(all->pdata[i]));
        }
    }
    g_ptr_array_add(once, NULL);
    g_strfreev(*vector);
    *vector = (char **)g_ptr_array_free(once, FALSE);
}

static char **copy_strings(const GPtrArray *strings)
{
    char **vector = g_new0(char *, strings->len + 1);
    for (size_t i = 0; i < strings->len; i++) {
        vector[i] = g_strdup(strings->pdata[i]);
    }
    return vector;
}

static int parse_strings(const record_at *at, const record_row *row, const json_t *value,
                         void *base, cpulift_error **err)
{
    char ***place = record_get_place(row, base);
    g_autoptr(GPtrArray) strings = g_ptr_array_new();
    TRY(record_parse_strings(at, row, value, strings, err));
    if (place != NULL && (row->flags & RECORD_SORTED) != 0) {
        record_merge_strings(place, strings);
    } else if (place != NULL) {
        g_strfreev(*place);
        *place = copy_strings(strings);
    }
    return 0;
}

static json_t *format_strings(const record_row *row, const void *base, const void *data)
{
    (void)data;
    char **const strings = *(char **const *)record_get_place(row, base);
    return strings == NULL && !record_is_written(row, false)
               ? NULL
               : json_new_strings((const char *const *)strings,
                                  strings != NULL ? g_strv_length(strings) : 0);
}

static void clear_strings(const record_row *row, void *base)
{
    g_strfreev(*(char ***)record_get_place(row, base));
}

const struct record_kind record_strings = {"list of strings", parse_strings, format_strings,
                                           clear_strings};

static int parse_array(const record_at *at, const record_row *row, const json_t *value, void *base,
                       cpulift_error **err)
{
    GPtrArray **place = record_get_place(row, base);
    g_autoptr(GPtrArray) strings = g_ptr_array_new();
    TRY(record_parse_strings(at, row, value, strings, err));
    for (size_t i = 0; place != NULL && i < strings->len; i++) {
        g_ptr_array_add(*place, g_strdup(strings->pdata[i]));
    }
    return 0;
}

static json_t *format_array(const record_row *row, const void *base, const void *data)
{
    (void)data;
    GPtrArray *array = *(GPtrArray *const *)record_get_place(row, base);
    if ((row->flags & RECORD_SORTED) != 0) {
        g_ptr_array_sort(array, text_compare);
    }
    return json_new_strings((const char *const *)array->pdata, array->len);
}

void record_clear_array(const record_row *row, void *base)
{
    GPtrArray **place = record_get_place(row, base);
    g_clear_pointer(place, g_ptr_array_unref);
}

const struct record_kind record_array = {"list of strings", parse_array, format_array,
                                         record_clear_array};
