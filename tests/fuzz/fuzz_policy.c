// SPDX-License-Identifier: LGPL-2.1-or-later
/// A policy file: what it asks for can be recorded in a plan, and is read back the same.
#include "core/policy.h"
#include "fuzz.h"
#include "support.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const catalog *map = support_get_catalog();
    struct policy policy = {0}, again = {0};
    g_autoptr(cpulift_error) err = NULL;
    if (policy_parse_file(&policy, map, (const char *)data, size, "fuzz", &err) != 0) {
        g_assert(err != NULL);
        return 0;
    }
    g_autoptr(json_t) json = policy_format(&policy, map);
    g_assert(policy_parse(json, "again", map, &again, &err) == 0);
    g_assert(memcmp(&policy, &again, sizeof policy) == 0);
    return 0;
}
