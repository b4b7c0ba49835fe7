// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/group.h"

#include "core/catalog_internal.h"

static const struct {
    const char *pattern;
    enum feature_group group;
} groups[] = {
#define GROUP(pattern, group) {pattern, GROUP_##group},
#include "core/tables/groups.def"
#undef GROUP
};

/// For features that stand in no row of the table.
static const enum feature_group class_groups[] = {
    [FEATURE_PLAIN] = GROUP_OTHER,          [FEATURE_MITIGATION] = GROUP_MITIGATIONS,
    [FEATURE_IMMUNITY] = GROUP_MITIGATIONS, [FEATURE_HAZARD] = GROUP_MITIGATIONS,
    [FEATURE_NESTED] = GROUP_VIRTUAL,       [FEATURE_TSX] = GROUP_OTHER,
    [FEATURE_OPT_IN] = GROUP_OTHER,         [FEATURE_HYPERVISOR] = GROUP_VIRTUAL,
    [FEATURE_TOPOLOGY] = GROUP_OTHER,
};

static const char *const names[] = {
    [GROUP_VECTOR] = "vector", [GROUP_CRYPTO] = "crypto",   [GROUP_MITIGATIONS] = "mitigations",
    [GROUP_MEMORY] = "memory", [GROUP_VIRTUAL] = "virtual", [GROUP_OTHER] = "other",
};

const char *group_to_string(enum feature_group group)
{
    return names[group];
}

enum feature_group group_find(const catalog *map, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
        if (catalog_matches(groups[i].pattern, name)) {
            return groups[i].group;
        }
    }
    int id = catalog_find_feature(map, name);
    return class_groups[catalog_classify(id >= 0 ? catalog_get_feature(map, (size_t)id)->name
                                                 : name)];
}
