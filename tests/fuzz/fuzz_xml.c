// SPDX-License-Identifier: LGPL-2.1-or-later
/// XML from a stranger, and the scanner beside the parser: whatever is XML must look alike to both.
#include "base/xml.h"
#include "base/xmltext.h"
#include "fuzz.h"

#include <string.h>

static void scan_attributes(const char *text, const struct xmltext_element *element)
{
    struct xmltext_attribute attribute = {0};
    while (xmltext_find_attribute(text, element, attribute.end, &attribute)) {
        g_assert(attribute.end <= element->open_end && attribute.start < attribute.end);
    }
}

/// Scans all levels; any text is allowed here, so only the bounds can be checked.
static void scan(const char *text, size_t from, size_t to, unsigned depth)
{
    g_autoptr(GArray) elements = xmltext_find_elements(text, from, to);
    size_t last = from;
    for (size_t i = 0; elements != NULL && i < elements->len; i++) {
        const struct xmltext_element *element = &g_array_index(elements, struct xmltext_element, i);
        g_assert(last <= element->start && element->start < element->open_end &&
                 element->open_end <= element->close_start &&
                 element->close_start <= element->end && element->end <= to);
        scan_attributes(text, element);
        if (depth < 4) {
            scan(text, element->open_end, element->close_start, depth + 1);
        }
        last = element->end;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    scan(text, 0, size, 0);
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (xml_parse(text, size, "fuzz", &doc, &err) == 0) {
        g_autofree char *content = xml_get_text(xmlDocGetRootElement(doc));
        g_autofree char *name = xml_get_attribute(xmlDocGetRootElement(doc), "name");
        g_assert(content != NULL && g_utf8_validate(content, -1, NULL));
        g_assert(name == NULL || g_utf8_validate(name, -1, NULL));
    } else {
        g_assert(err != NULL && g_utf8_validate(err->message, -1, NULL) &&
                 strchr(err->message, '\n') == NULL);
    }
    return 0;
}
