// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/xml.h"
#include "core/domain.h"
#include "fleet/bond.h"
#include "fleet/guest.h"

#include <string.h>

/// Of these elements only these children stay; an element that is no parent here stays whole.
static const struct {
    const char *parent, *children[10];
} kept[] = {
    {"domain",
     {"name", "uuid", "memory", "vcpu", "os", "features", "cpu", "clock", "devices",
      "commandline"}},
    {"os", {"type"}},
    {"features", {"acpi", "pmu"}},
    {"clock", {"timer"}},
    {"devices", {NULL}}, // those that tie the guest to its host
    {"commandline", {"arg"}},
};

static bool is_tsc(const xmlNode *timer)
{
    g_autofree char *name = xml_get_attribute(timer, "name");
    return g_strcmp0(name, "tsc") == 0;
}

static bool is_kept(const xmlNode *node, const char *const *children, size_t count)
{
    if (node->type != XML_ELEMENT_NODE) {
        return false;
    }
    if (strcmp((const char *)node->name, "timer") == 0) {
        return is_tsc(node);
    }
    if (strcmp((const char *)node->name, "arg") == 0) {
        g_autofree char *value = xml_get_attribute(node, "value");
        return value != NULL && (domain_is_cpu_option(value) || guest_is_cpu_pm(value));
    }
    bool is_one = false;
    for (size_t i = 0; !is_one && i < count && children[i] != NULL; i++) {
        is_one = strcmp((const char *)node->name, children[i]) == 0;
    }
    return is_one;
}

static void drop_blanks(xmlNode *parent)
{
    for (xmlNode *node = parent->children, *next = NULL; node != NULL; node = next) {
        next = node->next;
        drop_blanks(node);
        if (xmlIsBlankNode(node)) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        }
    }
}

/// A folder of which nothing is left says nothing, unless another behind it would be the first
/// then.
static void drop_empty(xmlNode *node)
{
    bool is_folder = xml_is_plain(node, "devices") || xml_is_plain(node, "clock");
    if (is_folder && node->children == NULL &&
        xml_find_next(node, (const char *)node->name) == NULL) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
}

static void reduce(xmlNode *parent)
{
    size_t row = 0;
    while (row < G_N_ELEMENTS(kept) && strcmp((const char *)parent->name, kept[row].parent) != 0) {
        row++;
    }
    if (row == G_N_ELEMENTS(kept)) {
        return;
    }
    for (xmlNode *node = parent->children, *next = NULL; node != NULL; node = next) {
        next = node->next;
        bool is_bond = node->type == XML_ELEMENT_NODE && bond_ties(node);
        if (is_bond) {
            bond_reduce(node);
        } else if (is_kept(node, kept[row].children, G_N_ELEMENTS(kept[row].children))) {
            reduce(node);
            drop_empty(node);
        } else {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        }
    }
}

/// libxml2 writes the address of a namespace as it is, whatever stands in it.
static bool has_odd_namespace(const xmlNode *node)
{
    bool has = false;
    for (const xmlNs *one = node->nsDef; one != NULL; one = one->next) {
        has = has || (one->href != NULL && strpbrk((const char *)one->href, "<&\"") != NULL);
    }
    for (const xmlNode *child = node->children; child != NULL && !has; child = child->next) {
        has = child->type == XML_ELEMENT_NODE && has_odd_namespace(child);
    }
    return has;
}

int fleet_guest_reduce(const char *xml, size_t len, const char *name, char **ret_xml,
                       cpulift_error **err)
{
    g_autoptr(domain_document) document = NULL;
    TRY(domain_parse(xml, len, name, &document, err));
    xmlNode *root = xmlDocGetRootElement(document->tree);
    (void)xmlUnsetProp(root, (const xmlChar *)"id"); // another at each start
    reduce(root);
    drop_blanks(root);
    if (has_odd_namespace(root)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the XML of '%s' has a namespace that is no address", name);
    }
    xmlBuffer *buffer = xmlBufferCreate();
    bool is_done = buffer != NULL && xmlNodeDump(buffer, document->tree, root, 0, 0) >= 0;
    *ret_xml = is_done ? g_strdup((const char *)xmlBufferContent(buffer)) : NULL;
    xmlBufferFree(buffer);
    return is_done ? 0
                   : cpulift_error_set(err, CPULIFT_ESYSTEM, "no memory for the XML of '%s'", name);
}
