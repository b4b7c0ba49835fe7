// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/xml.h"

#include <libxml/parser.h>
#include <string.h>

#define ATTRIBUTES_MAX 256

/// The names in a document, each once: libxml2's table of them grows no further than 16,384 rows,
/// and is slow with many more. Those of libvirt's documents have some KiB.
#define NAMES_MAX ((size_t)512 << 10)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt)

/// Ends parsing where a document type begins: entity bombs and external entities need one. (An
/// entity loader of our own would be libvirt's too, which then could not read its files.)
static void refuse_doctype(void *data, const xmlChar *name, const xmlChar *external,
                           const xmlChar *system)
{
    (void)name, (void)external, (void)system;
    xmlParserCtxt *context = data;
    context->_private = context;
    xmlStopParser(context);
}

static int fail_doctype(const char *name, cpulift_error **err)
{
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "'%s' has a document type declaration, which no document of libvirt has; refused", name);
}

/// libxml2 prints encoding errors through its global handler, whatever the parser's options say; a
/// hook's output must not hold them. The handler is the whole process's, so libvirt's documents are
/// silent with it, which virt/conn.c wants of libvirt's own errors too.
static void print_nothing(void *data, const char *format, ...)
{
    (void)data, (void)format;
}

static int fail_names(const char *name, cpulift_error **err)
{
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "'%s' has more than %zu KiB of names of elements and attributes, as no "
        "document of libvirt has; refused",
        name, NAMES_MAX >> 10);
}

static int fail_parse(xmlParserCtxt *context, const char *name, cpulift_error **err)
{
    const xmlError *why = xmlCtxtGetLastError(context);
    g_autofree char *message = g_strdup(why != NULL && why->message ? why->message : "no document");
    message[strcspn(message, "\n")] = '\0';
    return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is not valid XML: line %d: %s", name,
                             why != NULL ? why->line : 0, g_strstrip(message));
}

/// Behind the next `end` from `at` on, or the text's end.
static size_t skip_to(const char *text, size_t at, size_t len, const char *end)
{
    const char *found = memmem(text + at, len - at, end, strlen(end));
    return found != NULL ? (size_t)(found - text) + strlen(end) : len;
}

/// Behind the tag that begins at `at`; *ret_count are its attributes.
static size_t skip_tag(const char *text, size_t at, size_t len, size_t *ret_count)
{
    for (*ret_count = 0; at < len && text[at] != '>'; at++) {
        if (text[at] == '"' || text[at] == '\'') {
            at = skip_to(text, at + 1, len, (char[]){text[at], '\0'}) - 1;
            ++*ret_count;
        }
    }
    return at;
}

/// libxml2 holds each attribute of an element against all before it.
static bool has_large_tag(const char *text, size_t len)
{
    static const struct {
        const char *start, *end;
    } others[] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};
    for (size_t at = skip_to(text, 0, len, "<"); at < len; at = skip_to(text, at, len, "<")) {
        size_t tag = at - 1, count = 0;
        for (size_t i = 0; i < G_N_ELEMENTS(others) && at == tag + 1; i++) {
            size_t start = strlen(others[i].start);
            if (len - tag >= start && memcmp(text + tag, others[i].start, start) == 0) {
                at = skip_to(text, tag + start, len, others[i].end);
            }
        }
        at = at == tag + 1 ? skip_tag(text, at, len, &count) : at;
        if (count > ATTRIBUTES_MAX) {
            return true;
        }
    }
    return false;
}

int xml_parse(const char *text, size_t len, const char *name, xmlDoc **ret_doc, cpulift_error **err)
{
    if (len > G_MAXINT) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is too large for XML", name);
    }
    if (has_large_tag(text, len)) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' has an element of more than %d attributes, as no document of "
            "libvirt has; refused",
            name, ATTRIBUTES_MAX);
    }
    xmlSetGenericErrorFunc(NULL, print_nothing);
    g_autoptr(xmlParserCtxt) context = xmlNewParserCtxt();
    if (context == NULL) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "no memory to parse '%s'", name);
    }
    context->sax->internalSubset = refuse_doctype;
    (void)xmlDictSetLimit(context->dict, NAMES_MAX);
    g_autoptr(xmlDoc) doc =
        xmlCtxtReadMemory(context, text, (int)len, NULL, NULL,
                          XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (context->_private != NULL) {
        return fail_doctype(name, err);
    }
    if (doc == NULL && xmlDictGetUsage(context->dict) > NAMES_MAX) {
        return fail_names(name, err);
    }
    if (doc == NULL || xmlDocGetRootElement(doc) == NULL) {
        return fail_parse(context, name, err);
    }
    *ret_doc = g_steal_pointer(&doc);
    return 0;
}

bool xml_is_plain(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns == NULL &&
           strcmp((const char *)node->name, name) == 0;
}

static xmlNode *find_from(xmlNode *node, const char *name)
{
    while (node != NULL && !xml_is_plain(node, name)) {
        node = node->next;
    }
    return node;
}

xmlNode *xml_find_child(const xmlNode *parent, const char *name)
{
    return find_from(parent->children, name);
}

xmlNode *xml_find_next(const xmlNode *node, const char *name)
{
    return find_from(node->next, name);
}

static char *take(xmlChar *text)
{
    char *copy = g_strdup((const char *)text);
    xmlFree(text);
    return copy;
}

char *xml_get_attribute(const xmlNode *node, const char *name)
{
    return take(xmlGetNoNsProp(node, (const xmlChar *)name));
}

char *xml_get_text(const xmlNode *node)
{
    g_autofree char *text = take(xmlNodeGetContent(node));
    return g_strdup(text != NULL ? g_strstrip(text) : "");
}
