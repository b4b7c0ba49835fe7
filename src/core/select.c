// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/select.h"

#include "core/guest_feature.h"

/// A definition for the pool cannot state what each guest decides.
static enum policy_reason leave_to_guest(const struct catalog_feature *feature,
                                         enum policy_reason reason)
{
    const struct guest_feature *of = guest_find_feature(feature->name);
    bool is_guests = of != NULL && of->cause != GUEST_MODEL;
    return is_guests && reason == POLICY_GIVEN ? POLICY_GUEST : reason;
}

void select_features(const catalog *map, const struct policy *policy, const char *vendor,
                     feature_set common, feature_set not_migratable, struct selection *ret)
{
    ret->chosen = common;
    for (size_t id = 0; id < catalog_feature_count(map); id++) {
        ret->reasons[id] = feature_set_has(&not_migratable, id)
                               ? POLICY_NOT_MIGRATABLE
                               : leave_to_guest(catalog_get_feature(map, id),
                                                policy_find_reason(policy, map, vendor, id));
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
