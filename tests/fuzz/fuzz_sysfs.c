// SPDX-License-Identifier: LGPL-2.1-or-later
/// What another machine prints when its kernel is asked.
#include "base/text.h"
#include "core/sysfs.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(cpulift_host) host = host_new("h");
    g_autoptr(cpulift_error) err = NULL;
    int rc = sysfs_parse((const char *)data, size, "h", host, &err);
    g_assert((rc == 0) == (err == NULL) &&
             (rc == 0) == (json_object_size(host->vulnerabilities) > 0));
    g_assert(host->kernel_version == NULL || (g_utf8_validate(host->kernel_version, -1, NULL) &&
                                              text_is_line(host->kernel_version)));
    const char *name;
    json_t *value;
    json_object_foreach (host->vulnerabilities, name, value) {
        const char *text = json_string_value(value);
        g_assert(text_is_name(name) && text != NULL && g_utf8_validate(text, -1, NULL) &&
                 text_is_line(text));
    }
    return 0;
}
