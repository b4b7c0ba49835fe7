// SPDX-License-Identifier: LGPL-2.1-or-later
/// A document from a stranger: what is read and written again is the same document, and written
/// twice the same bytes, all ASCII.
#include "base/json.h"
#include "fuzz.h"

#include <string.h>

static void check_round_trip(const json_t *json)
{
    g_autofree char *once = json_format_document(json);
    g_autoptr(json_t) again = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_assert(json_parse_text(once, strlen(once), "again", &again, &err) == 0);
    g_assert(json_equal(json, again));
    g_autofree char *twice = json_format_document(again);
    g_assert(strcmp(once, twice) == 0);
    g_autofree char *line = json_format_line(json);
    g_assert(strchr(line, '\n') == line + strlen(line) - 1);
    g_assert(g_str_is_ascii(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(json_t) json = NULL;
    g_autoptr(cpulift_error) err = NULL, other = NULL;
    if (json_parse_text((const char *)data, size, "fuzz", &json, &err) == 0) {
        check_round_trip(json);
    } else {
        g_assert(err != NULL && strchr(err->message, '\n') == NULL);
    }
    int rc = json_check_schema(json, "fuzz", "cpulift.host/1", &other);
    g_assert((rc == 0) == (other == NULL));
    return 0;
}
