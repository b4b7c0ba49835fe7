// SPDX-License-Identifier: LGPL-2.1-or-later
/// Keys of anybody: those that are taken are taken twice, too.
#include "core/seal.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(seal_keys) keys = NULL, both = NULL;
    g_autoptr(GString) text = g_string_new_len((const char *)data, (gssize)size);
    if (seal_keys_parse(text->str, text->len, "fuzz", &keys, NULL) != 0) {
        return 0;
    }
    g_string_append_c(text, '\n');
    g_string_append_len(text, (const char *)data, (gssize)size);
    g_assert(seal_keys_parse(text->str, text->len, "fuzz", &both, NULL) == 0);
    return 0;
}
