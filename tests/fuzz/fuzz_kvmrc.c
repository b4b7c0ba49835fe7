// SPDX-License-Identifier: LGPL-2.1-or-later
/// A shell's file of anybody: a line that is added to it runs there, and is added once.
#include "fuzz.h"
#include "platform/kvmrc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char line[] = ". /cpulift/kvmrc.bash\n";
    g_autofree char *before = g_strndup((const char *)data, size);
    g_autoptr(GString) text = g_string_new(before);
    kvmrc_add(text, line);
    g_assert(kvmrc_runs(text->str, line));
    size_t len = text->len;
    kvmrc_add(text, line);
    g_assert(text->len == len);
    return 0;
}
