// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a plan of the features in common would hold.
#pragma once

#include "core/policy.h"

struct selection {
    feature_set chosen;
    /// What policy makes of every feature of the catalogue, given by the hosts or not;
    /// POLICY_DEPENDENCY only of those in common.
    enum policy_reason reasons[FEATURE_MAX];
    int needs[FEATURE_MAX]; ///< for POLICY_DEPENDENCY: the feature that is missing
};

/// `common` less what policy leaves out and what then lacks its foundation. `vendor` is as
/// policy_find_reason has it.
void select_features(const catalog *map, const struct policy *policy, const char *vendor,
                     feature_set common, feature_set not_migratable, struct selection *ret);
