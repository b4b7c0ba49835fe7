// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift.verdict/1: what the guests of a fleet are, and where each can go.
#pragma once

#include "core/plan.h"
#include "fleet/room.h"
#include "fleet/sequence.h"

#include <jansson.h>

/// Who cannot leave a host.
struct fleet_stuck {
    char *host;            ///< owned
    char **guests;         ///< names; owned
    enum room_answer room; ///< whether the others find room elsewhere, all at once
    struct room_need need; ///< of these others
};

/// What is to be told of it, a sentence each (owned by the list); of names at most so many.
void fleet_stuck_describe(const struct fleet_stuck *stuck, size_t names_max, GPtrArray *sentences);

/// A host that was asked and did not answer: its guests are in no list.
struct fleet_silent {
    char *host, *why; ///< owned
};

typedef struct fleet_report {
    GPtrArray *guests;          ///< struct fleet_verdict *; NULL: held against no plan
    GPtrArray *evacuate;        ///< struct fleet_stuck *, of each host that has guests, by name
    GPtrArray *changes;         ///< struct fleet_change *; NULL: nothing is rehearsed; owned
    fleet_sequence *order;      ///< NULL: not asked for; owned
    GPtrArray *silent;          ///< struct fleet_silent *; NULL: all answered
    const fleet_matrix *matrix; ///< borrowed
} fleet_report;

/// Of the document; the cells are written by fleet_report_write alone.
extern const struct record fleet_report_record;

/// Judges every guest of the matrix. `plan` may be NULL; `rooms` are of all guests of the fleet.
/// The caller's; the matrix must outlive it.
fleet_report *fleet_report_new(const fleet_matrix *matrix, const cpulift_plan *plan,
                               const fleet_rooms *rooms);
/// Notes that this host did not answer.
void fleet_report_add_silent(fleet_report *report, const char *host, const char *why);
void fleet_report_free(fleet_report *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fleet_report, fleet_report_free)

/// False where a guest is not the plan's and could be, or cannot leave its host, or strands, or
/// where an order is asked for and none is found.
bool fleet_report_is_good(const fleet_report *report);

/// Writes the document in parts, since guests × hosts may be millions of cells; `put` is jansson's
/// (json_dump_callback). 0, or what `put` returned.
int fleet_report_write(const fleet_report *report, json_dump_callback_t put, void *data);
