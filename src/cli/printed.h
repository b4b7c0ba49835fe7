// SPDX-License-Identifier: LGPL-2.1-or-later
/// Documents that commands print with --json and none of ours reads.
#pragma once

#include "base/record.h"

/// cpulift.diff/1
struct printed_diff {
    json_t *only_a, *only_b; ///< lists of features
    GPtrArray *differences;  ///< struct compare_difference *
};

struct printed_check {
    char *name;
    bool is_needed;
    char *state, *why;
    char *problem;      ///< NULL: none
    char *debian, *rpm; ///< packages that end it; NULL likewise
};

/// cpulift.doctor/1
struct printed_doctor {
    bool is_well;
    GPtrArray *checks; ///< struct printed_check *
};

struct printed_platform {
    char *name, *title, *version;
};

/// cpulift.platforms/1
struct printed_platforms {
    GPtrArray *platforms; ///< struct printed_platform *
};

/// cpulift.rollback/1
struct printed_rollback {
    bool is_done;
    char *diff;
    GPtrArray *actions; ///< char *
};

extern const struct record printed_diff_record, printed_doctor_record, printed_explanation_record,
    printed_platforms_record, printed_protection_record, printed_rollback_record;
