// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a workload says of itself in its last line. Document cpulift.result/1.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "base/record.h"

#define RESULT_SCHEMA "cpulift.result/1"

struct figure {
    char *name;
    double value;
    char *unit;
};

typedef struct result {
    char *workload;       ///< its name, or NULL
    GPtrArray *figures;   ///< of struct figure, owned
    bool is_verified;     ///< the answer was checked and is right
    json_t *verification; ///< how it was checked, or NULL
    json_t *details;      ///< what ran, or NULL
} result;

extern const struct record result_record;

void result_free(result *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(result, result_free)

/// Parses a document; `name` stands in messages.
int result_parse(const char *text, size_t len, const char *name, result **ret_result,
                 cpulift_error **err);

void result_add_figure(result *self, const char *name, double value, const char *unit);

/// The figure of that name, borrowed, or NULL.
const struct figure *result_find_figure(const result *self, const char *name);

/// The code path that the workload took: the string at `key` of "details", else of "verification".
/// Borrowed; NULL: not said.
const char *result_get_path(const result *self, const char *key);
