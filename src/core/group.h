// SPDX-License-Identifier: LGPL-2.1-or-later
/// What features are about, so that people find them: tables show them in these groups, in this
/// order.
#pragma once

#include "core/catalog.h"

enum feature_group {
    GROUP_VECTOR,
    GROUP_CRYPTO,
    GROUP_MITIGATIONS,
    GROUP_MEMORY,
    GROUP_VIRTUAL,
    GROUP_OTHER,
    GROUP_COUNT,
};

const char *group_to_string(enum feature_group group);

/// The group of the feature of this name; what the catalogue does not know is among the others.
enum feature_group group_find(const catalog *map, const char *name);
