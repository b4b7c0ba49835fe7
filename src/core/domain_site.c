// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/domain_site.h"

#include "base/xml.h"

#include <string.h>

/// True if the scanner's element is the tree's: the names are compared as far as they are ASCII,
/// which the tree has in UTF-8 and the text in its own encoding.
static bool is_same_element(const char *text, const struct xmltext_element *element,
                            const xmlNode *node)
{
    const char *local = (const char *)node->name;
    size_t len = strlen(local);
    return !g_str_is_ascii(local) ||
           (element->name_len >= len &&
            memcmp(text + element->start + 1 + element->name_len - len, local, len) == 0);
}

/// The element children of `parent`, whose content is [from, to), in the text: NULL unless scanner
/// and parser see the same.
static GArray *locate_children(const char *text, size_t from, size_t to, const xmlNode *parent)
{
    g_autoptr(GArray) elements = xmltext_find_elements(text, from, to);
    size_t count = 0;
    const xmlNode *node = elements != NULL ? parent->children : NULL;
    for (; node != NULL; node = node->next) {
        if (node->type != XML_ELEMENT_NODE) {
            continue;
        }
        if (count >= elements->len ||
            !is_same_element(text, &g_array_index(elements, struct xmltext_element, count), node)) {
            return NULL;
        }
        count++;
    }
    return elements != NULL && count == elements->len ? g_steal_pointer(&elements) : NULL;
}

int domain_fail_scan(const domain_document *document, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' is XML in a form that cannot be edited safely in place; "
                             "let virsh define and dumpxml print it anew",
                             document->label);
}

/// True if `node` is a better element to insert a <cpu> after than the best until now: libvirt
/// writes it after <features>, and that after <os>; otherwise it goes to the end.
static bool is_better_anchor(const xmlNode *node, const xmlNode *best)
{
    static const char *const ranks[] = {"os", "features"};
    size_t rank[2] = {0, 0};
    for (size_t i = 0; i < G_N_ELEMENTS(ranks); i++) {
        rank[0] = xml_is_plain(node, ranks[i]) ? i + 1 : rank[0];
        rank[1] = best != NULL && xml_is_plain(best, ranks[i]) ? i + 1 : rank[1];
    }
    return rank[0] >= rank[1];
}

int domain_find_site(const domain_document *document, struct domain_site *ret_site,
                     cpulift_error **err)
{
    const xmlNode *root = xmlDocGetRootElement(document->tree);
    g_autoptr(GArray) roots = xmltext_find_elements(document->xml, 0, document->len);
    if (roots == NULL || roots->len != 1) {
        return domain_fail_scan(document, err);
    }
    const struct xmltext_element *whole = &g_array_index(roots, struct xmltext_element, 0);
    g_autoptr(GArray) children =
        locate_children(document->xml, whole->open_end, whole->close_start, root);
    if (children == NULL) {
        return domain_fail_scan(document, err);
    }
    const xmlNode *best = NULL;
    size_t i = 0;
    for (const xmlNode *node = root->children; node != NULL; node = node->next) {
        if (node->type != XML_ELEMENT_NODE) {
            continue;
        }
        if (xml_is_plain(node, "cpu") || is_better_anchor(node, best)) {
            best = node;
            ret_site->place = g_array_index(children, struct xmltext_element, i);
        }
        if (xml_is_plain(node, "cpu")) {
            break;
        }
        i++;
    }
    if (best == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is an empty <domain>", document->label);
    }
    ret_site->cpu = xml_is_plain(best, "cpu") ? best : NULL;
    return 0;
}

GArray *domain_find_children(const domain_document *document, const struct domain_site *site)
{
    return locate_children(document->xml, site->place.open_end, site->place.close_start, site->cpu);
}
