// SPDX-License-Identifier: LGPL-2.1-or-later
/// What guests of a plan are told of their CPU, and what their kernel says of it.
#pragma once

#include "core/inventory.h"
#include "core/plan.h"
#include "core/protection.h"

struct protection_question {
    const catalog *map;
    const cpulift_plan *plan;
    const inventory *hosts;          ///< sorted; hosts of the plan that it lacks are told
    const protection_kernel *kernel; ///< the guests'; of hosts whose own is not known here, too
};

/// What QEMU shows guests of the plan; family 0 or vendor NULL: not known.
struct cpu_signature protection_get_shown(const struct protection_question *question);

/// Their features, with what QEMU shows unasked.
feature_set protection_get_features(const struct protection_question *question);

/// The texts of such a guest, of one thread a core, if this was its CPU. As protection_predict.
json_t *protection_predict_as(const struct protection_question *question,
                              struct cpu_signature signature, const feature_set *features);

/// The texts of a guest of the plan. CPULIFT_EINPUT: the vendor or family of its CPU is not known.
int protection_predict_guest(const struct protection_question *question, json_t **ret_texts,
                             cpulift_error **err);
