// SPDX-License-Identifier: LGPL-2.1-or-later
/// The one line that every workload ends with: cpulift.result/1.
///
/// {"details":{…},"figures":{"NAME":{"unit":"…","value":N}},"schema":"cpulift.result/1",
///  "verification":{…},"verified":true,"workload":"NAME"}, keys sorted, last on standard output.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// A member of a result: `text` when it is not NULL, else `number`. A figure has its unit in
/// `unit`.
struct result_field {
    const char *name;
    double number;
    const char *text;
    const char *unit;
};

struct result {
    const char *workload;
    const struct result_field *figures;
    size_t figure_count;
    const struct result_field *verification; ///< how the answer was checked
    size_t verification_count;
    const struct result_field *details; ///< what ran: library versions, sizes
    size_t detail_count;
    bool is_verified; ///< the answer was checked and is right
};

/// Prints the line on standard output. Numbers that are not finite become null. Returns 0, or -1
/// when standard output does not take it.
int result_print(const struct result *result);
