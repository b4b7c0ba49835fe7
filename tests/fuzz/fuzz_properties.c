// SPDX-License-Identifier: LGPL-2.1-or-later
/// Java properties from a stranger: what parses can be edited, and then says what it was told and
/// nothing else new.
#include "fuzz.h"
#include "platform/properties.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(properties) file = NULL;
    g_autoptr(properties) again = NULL;
    if (properties_parse((const char *)data, size, "fuzz", &file, NULL) != 0) {
        return 0;
    }
    properties_set(file, "a key", " value: é\n");
    g_assert_cmpstr(properties_get(file, "a key"), ==, " value: é\n");
    size_t len = 0;
    const char *bytes = properties_format(file, &len);
    g_assert(properties_parse(bytes, len, "again", &again, NULL) == 0);
    g_autofree const char **keys = properties_list(file);
    for (size_t i = 0; keys[i] != NULL; i++) {
        g_assert_cmpstr(properties_get(again, keys[i]), ==, properties_get(file, keys[i]));
    }
    return 0;
}
