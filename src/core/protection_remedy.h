// SPDX-License-Identifier: LGPL-2.1-or-later
/// What would end the difference between a guest's protection and its hosts'.
#pragma once

#include "core/protection_guest.h"
#include "core/protection_hosts.h"
#include "core/protection_judge.h"

/// A guest beside all hosts.
struct protection_comparison {
    const struct protection_question *q;
    GPtrArray *hosts;           ///< struct protection_hosts *
    struct cpu_signature shown; ///< to guests
    feature_set features;       ///< of guests
    GArray *models;             ///< others, found when first asked for; NULL: not yet
};

enum protection_verdict protection_judge_hosts(const struct protection_hosts *of, const char *file,
                                               const json_t *guest);

/// Over all hosts: the worst, and slower only where none needs what the guest does.
enum protection_verdict protection_judge_all(const struct protection_comparison *comparison,
                                             const char *file, const json_t *guest);

/// Names of models under which guests of the plan's features would not be wrong about this: those
/// that are the best for all the rest, one for each CPU that they show, as a list. The caller's.
json_t *protection_find_models(struct protection_comparison *comparison, const char *file);

/// The features that would end this verdict, and the hosts that do not give them: "features",
/// "hosts" (the first 100 by name), "host_count", and "given": some host gives them. NULL: none is
/// known. The caller's.
json_t *protection_find_remedy(const struct protection_comparison *comparison, const char *file,
                               enum protection_verdict verdict);
