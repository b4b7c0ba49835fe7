// SPDX-License-Identifier: LGPL-2.1-or-later
/// An ELF file from a stranger: whatever is found in it is a CPUID instruction within it, in order.
#include "fuzz.h"
#include "mask/look/find.h"

static void check(const uint8_t *data, size_t size, const GArray *offsets)
{
    for (unsigned i = 0; i < offsets->len; i++) {
        uint64_t at = g_array_index(offsets, uint64_t, i);
        g_assert(size >= 2 && at <= size - 2);
        g_assert(data[at] == 0x0f && data[at + 1] == 0xa2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct find_result found;
    find_in_file(data, size, &found);
    check(data, size, found.code);
    check(data, size, found.undecided);
    find_result_clear(&found);
    return 0;
}
