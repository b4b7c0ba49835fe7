// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/select.h"

void select_features(const catalog *map, const struct policy *policy, const char *vendor,
                     feature_set common, feature_set not_migratable, struct selection *ret)
{
    ret->chosen = common;
    for (size_t id = 0; id < catalog_feature_count(map); id++) {
        ret->reasons[id] = feature_set_has(&not_migratable, id)
                               ? POLICY_NOT_MIGRATABLE
                               : policy_find_reason(policy, map, vendor, id);
        if (ret->reasons[id] != POLICY_GIVEN) {
            feature_set_remove(&ret->chosen, id);
        }
    }
    feature_set hanging = catalog_find_unsupported(map, ret->chosen, ret->needs);
    feature_set_foreach (id, &hanging) {
        ret->reasons[id] = POLICY_DEPENDENCY;
    }
    ret->chosen = feature_set_subtract(ret->chosen, hanging);
}
