// SPDX-License-Identifier: LGPL-2.1-or-later
/// What virsh or QEMU printed, from a stranger: what is taken from it makes a document that can be
/// read.
#include "base/json.h"
#include "core/join.h"
#include "fuzz.h"
#include "support.h"

#include <string.h>

static void check_document(const cpulift_host *host)
{
    g_autoptr(json_t) json = host_format(host, support_get_catalog());
    g_autofree char *text = json_format_document(json);
    g_autoptr(cpulift_host) again = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (host_parse(text, strlen(text), "again", support_get_catalog(), &again, &err) != 0) {
        g_printerr("what import wrote is refused: %s\n", err->message);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned trust = 0; trust < 2; trust++) {
        const struct import_options options = {.is_silicon_trusted = trust != 0};
        g_autoptr(cpulift_host) host = host_new("fuzz");
        g_autoptr(cpulift_error) err = NULL;
        const struct join_text text = {(const char *)data, size, "fuzz"};
        int rc = join_texts(&text, 1, support_get_catalog(), &options, host, &err);
        g_assert((rc == 0) == (err == NULL));
        if (rc == 0) {
            check_document(host);
        }
    }
    return 0;
}
