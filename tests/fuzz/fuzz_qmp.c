// SPDX-License-Identifier: LGPL-2.1-or-later
/// A line from QEMU: an answer, nothing, or an error of one line.
#include "base/auto.h"
#include "fuzz.h"
#include "virt/qmp.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(json_t) answer = NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = qmp_parse_line((const char *)data, size, &answer, &err);
    g_assert((rc == 0) == (err == NULL));
    g_assert(rc == 0 || (answer == NULL && strchr(err->message, '\n') == NULL));
    return 0;
}
