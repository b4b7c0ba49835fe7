// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/stylesheet.h"

#include "base/xml.h"
#include "base/xmltext.h"

#include <string.h>

#define XSLT "http://www.w3.org/1999/XSL/Transform"

static bool is_instruction(const xmlNode *node)
{
    return node->ns != NULL && strcmp((const char *)node->ns->href, XSLT) == 0;
}

/// Elements that are not instructions, at any depth below `node`.
static void collect_nodes(const xmlNode *node, const char *name, GPtrArray *nodes)
{
    for (xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE) {
            if (xml_is_plain(child, name)) {
                g_ptr_array_add(nodes, child);
            }
            collect_nodes(child, name, nodes);
        }
    }
}

static bool is_named(const char *text, const struct xmltext_element *element, const char *name)
{
    return element->name_len == strlen(name) &&
           memcmp(text + element->start + 1, name, element->name_len) == 0;
}

/// The same in the text: false where its tags do not pair up.
static bool collect_places(const char *text, size_t from, size_t to, const char *name,
                           GArray *places)
{
    g_autoptr(GArray) elements = xmltext_find_elements(text, from, to);
    bool is_good = elements != NULL;
    for (size_t i = 0; is_good && i < elements->len; i++) {
        const struct xmltext_element *element = &g_array_index(elements, struct xmltext_element, i);
        if (is_named(text, element, name)) {
            g_array_append_val(places, *element);
        }
        is_good = collect_places(text, element->open_end, element->close_start, name, places);
    }
    return is_good;
}

/// A computed element: <xsl:element name="cpu">.
static bool makes_cpu(const xmlNode *node)
{
    g_autofree char *name = is_instruction(node) ? xml_get_attribute(node, "name") : NULL;
    bool makes = g_strcmp0(name, "cpu") == 0 && strcmp((const char *)node->name, "element") == 0;
    for (const xmlNode *child = node->children; !makes && child != NULL; child = child->next) {
        makes = child->type == XML_ELEMENT_NODE && makes_cpu(child);
    }
    return makes;
}

/// False for what makes anything of the guest's document but attributes.
static bool is_only_instructions(const xmlNode *node)
{
    bool is_only = node->type != XML_ELEMENT_NODE || is_instruction(node);
    for (const xmlNode *child = node->children; is_only && child != NULL; child = child->next) {
        is_only = is_only_instructions(child);
    }
    return is_only;
}

static bool is_vendors(const xmlNode *cpu)
{
    const xmlNode *topology = xml_find_child(cpu, "topology");
    bool is_usual = topology != NULL && cpu->properties == NULL;
    for (const xmlNode *child = cpu->children; is_usual && child != NULL; child = child->next) {
        bool is_blank = child->type != XML_TEXT_NODE || xmlIsBlankNode((xmlNode *)child);
        is_usual = child == topology || (is_blank && is_only_instructions(child));
    }
    return is_usual;
}

/// False where a condition, a loop or a variable decides which guest gets it.
static bool is_for_all(const xmlNode *node)
{
    const xmlNode *at = node->parent;
    while (at->type == XML_ELEMENT_NODE && !is_instruction(at)) {
        at = at->parent;
    }
    return at->type != XML_ELEMENT_NODE || strcmp((const char *)at->name, "template") == 0;
}

/// The element of this name below the root, of which there must be one at most, in the tree and in
/// the text.
static int find_one(const char *text, size_t len, const char *path, const xmlDoc *tree,
                    const char *name, const xmlNode **ret_node, struct xmltext_element *ret_place,
                    cpulift_error **err)
{
    g_autoptr(GPtrArray) nodes = g_ptr_array_new();
    g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(struct xmltext_element));
    collect_nodes(xmlDocGetRootElement(tree), name, nodes);
    bool is_scanned = collect_places(text, 0, len, name, places);
    if (!is_scanned || places->len != nodes->len || nodes->len > 1 ||
        (nodes->len > 0 && !is_for_all(nodes->pdata[0]))) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' has a <%s> more than once, not for every guest, or in a "
                                 "form that cannot be edited in place: use the hook",
                                 path, name);
    }
    *ret_node = nodes->len > 0 ? nodes->pdata[0] : NULL;
    if (nodes->len > 0) {
        *ret_place = g_array_index(places, struct xmltext_element, 0);
    }
    return 0;
}

/// Where the <topology> begins among the children of the <cpu>; its end tag where there is none.
static size_t find_end(const char *text, const struct xmltext_element *cpu, bool *ret_has_topology)
{
    g_autoptr(GArray) children = xmltext_find_elements(text, cpu->open_end, cpu->close_start);
    for (size_t i = 0; children != NULL && i < children->len; i++) {
        const struct xmltext_element *child = &g_array_index(children, struct xmltext_element, i);
        if (is_named(text, child, "topology")) {
            *ret_has_topology = true;
            return child->start;
        }
    }
    return cpu->close_start;
}

static int check_encoding(const char *text, size_t len, const char *path, const xmlDoc *tree,
                          cpulift_error **err)
{
    const char *encoding = (const char *)tree->encoding;
    bool is_utf8 = encoding == NULL || g_ascii_strcasecmp(encoding, "UTF-8") == 0;
    return is_utf8 && memchr(text, '\0', len) == NULL
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s' is not in UTF-8 and cannot be edited in place: use the "
                                   "hook",
                                   path);
}

/// 3.4 to 4.0: a <cpu> goes behind the <vcpu>.
static int find_anchor(const char *text, size_t len, const char *path, const xmlDoc *tree,
                       stylesheet_site *ret_site, cpulift_error **err)
{
    const xmlNode *vcpu = NULL;
    struct xmltext_element place;
    TRY(find_one(text, len, path, tree, "vcpu", &vcpu, &place, err));
    if (vcpu == NULL || makes_cpu(xmlDocGetRootElement(tree))) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            vcpu == NULL ? "'%s' has no </vcpu> behind which a <cpu> can go: use the hook"
                         : "'%s' computes a <cpu>: use the hook",
            path);
    }
    *ret_site = (stylesheet_site){.start = place.end, .end = place.end};
    return 0;
}

int stylesheet_find(const char *text, size_t len, const char *path, stylesheet_site *ret_site,
                    cpulift_error **err)
{
    g_autoptr(xmlDoc) tree = NULL;
    const xmlNode *cpu = NULL;
    struct xmltext_element place;
    TRY(xml_parse(text, len, path, &tree, err));
    TRY(check_encoding(text, len, path, tree, err));
    TRY(find_one(text, len, path, tree, "cpu", &cpu, &place, err));
    if (cpu == NULL) {
        return find_anchor(text, len, path, tree, ret_site, err);
    }
    g_autofree char *mode = xml_get_attribute(cpu, "mode");
    *ret_site = (stylesheet_site){.has_cpu = true,
                                  .has_mode = mode != NULL,
                                  .is_vendors = is_vendors(cpu),
                                  .start = place.start};
    ret_site->end = find_end(text, &place, &ret_site->has_topology);
    return 0;
}
