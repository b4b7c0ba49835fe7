// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a hostile guest's kernel prints on its serial line.
#include "base/text.h"
#include "fuzz.h"
#include "probe/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    g_autoptr(statement) said = NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = statement_parse(text, size, &said, &err);
    g_assert((rc == 0) == (said != NULL) && (rc == 0) == (err == NULL));
    g_assert(rc == 0 ? statement_has_end(text, size) : text_is_line(err->message));
    const char *name;
    const json_t *value;
    json_object_foreach (rc == 0 ? said->vulnerabilities : NULL, name, value) {
        g_assert(text_is_line(name) && text_is_line(json_string_value(value)));
    }
    return 0;
}
