// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/date.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

#define AGE_MAX (UINT64_C(100) * 365 * 86400)

bool date_parse(const char *text, gint64 *ret_seconds)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(text, NULL);
    gint64 seconds = date != NULL ? g_date_time_to_unix(date) : 0;
    g_autofree char *again = date_format(seconds);
    bool is_date = date != NULL && g_strcmp0(again, text) == 0;
    *ret_seconds = is_date ? seconds : 0;
    return is_date;
}

char *date_format(gint64 seconds)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(seconds);
    return date != NULL ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%SZ") : NULL;
}

gint64 date_parse_age(const char *text)
{
    static const struct {
        char unit;
        guint64 seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t len = strlen(text);
    g_autofree char *digits = g_strndup(text, len > 0 ? len - 1 : 0);
    guint64 count = 0;
    for (size_t i = 0; len > 0 && i < G_N_ELEMENTS(units); i++) {
        if (text[len - 1] == units[i].unit &&
            text_to_uint(digits, AGE_MAX / units[i].seconds, &count)) {
            return (gint64)(count * units[i].seconds);
        }
    }
    return 0;
}
