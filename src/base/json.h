// SPDX-License-Identifier: LGPL-2.1-or-later
/// Our documents as JSON: one reader that checks the schema, one writer with one layout.
#pragma once

#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>

/// Parses `text` as JSON. `name` stands in messages. *ret_json is the caller's.
int json_parse_text(const char *text, size_t len, const char *name, json_t **ret_json,
                    cpulift_error **err);

/// As json_parse_text for what other programs wrote: all numbers become reals, since QEMU sends
/// integers beyond 2^63 ("lbr-fmt").
int json_parse_foreign(const char *text, size_t len, const char *name, json_t **ret_json,
                       cpulift_error **err);

/// Parses text that holds any number of values one after the other, as a log of QEMU's replies
/// does; numbers as json_parse_foreign reads them. *ret_array is the caller's.
int json_parse_sequence(const char *text, size_t len, const char *name, json_t **ret_array,
                        cpulift_error **err);

/// Checks that `json` is an object whose "schema" is `schema` ("cpulift.plan/1"): another kind or a
/// newer major version is refused by name.
int json_check_schema(const json_t *json, const char *name, const char *schema,
                      cpulift_error **err);

/// Sorted keys, two-space indent, newline at the end. The caller frees it.
char *json_format_document(const json_t *json);

/// Sorted keys, one line, newline at the end. The caller frees it.
char *json_format_line(const json_t *json);

/// The string at `key`, borrowed, or NULL where it is absent or no string.
const char *json_get_string(const json_t *object, const char *key);

/// The non-negative integer at `key`, or `otherwise`.
guint64 json_get_uint(const json_t *object, const char *key, guint64 otherwise);

/// A JSON array of these strings. The caller's.
json_t *json_new_strings(const char *const *strings, size_t count);

/// Calls `add(data, string, err)` for each string of the array at `key` (absent is empty). Anything
/// else in the array is an error that names `name` and the key.
int json_each_string(const json_t *object, const char *key, const char *name,
                     int (*add)(void *data, const char *string, cpulift_error **err), void *data,
                     cpulift_error **err);
