// SPDX-License-Identifier: LGPL-2.1-or-later
/// Eucalyptus' stylesheet from a stranger: with a <cpu> put where one may be put, it is XML still,
/// and the <cpu> is found there.
#include "base/xml.h"
#include "fuzz.h"
#include "platform/stylesheet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) text = g_string_new_len((const char *)data, (gssize)size);
    g_autoptr(xmlDoc) tree = NULL;
    stylesheet_site site, again;
    if (stylesheet_find(text->str, text->len, "fuzz", &site, NULL) != 0) {
        return 0;
    }
    g_assert(site.start <= site.end && site.end <= text->len);
    if (site.has_cpu && !site.is_vendors) {
        return 0;
    }
    g_string_erase(text, (gssize)site.start, (gssize)(site.end - site.start));
    g_string_insert(text, (gssize)site.start,
                    site.has_cpu ? "<cpu mode='custom'>" : "<cpu mode='custom'></cpu>");
    g_assert(xml_parse(text->str, text->len, "fuzz", &tree, NULL) == 0);
    g_assert(stylesheet_find(text->str, text->len, "fuzz", &again, NULL) == 0);
    g_assert(again.has_cpu && again.has_mode && !again.is_vendors && again.start == site.start);
    return 0;
}
