// SPDX-License-Identifier: LGPL-2.1-or-later
#include "domain_laws.h"

#include "base/xml.h"
#include "base/xmltext.h"
#include "core/domain_restore.h"

#include <stdlib.h>
#include <string.h>

#define LAW(condition, ...)                                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            g_printerr("law broken: " __VA_ARGS__);                                                \
            abort();                                                                               \
        }                                                                                          \
    } while (false)

static bool is_named(const xmlNode *node, const char *name)
{
    return node != NULL && node->type == XML_ELEMENT_NODE && node->ns == NULL &&
           strcmp((const char *)node->name, name) == 0;
}

static xmlNode *find_cpu(const xmlDoc *doc)
{
    xmlNode *node = xmlDocGetRootElement(doc)->children;
    while (node != NULL && !is_named(node, "cpu")) {
        node = node->next;
    }
    return node;
}

static char *dump(xmlDoc *doc, xmlNode *node)
{
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, doc, node, 0, 0);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

static xmlDoc *parse(const char *text, size_t len)
{
    xmlDoc *doc = NULL;
    g_autoptr(cpulift_error) err = NULL;
    LAW(xml_parse(text, len, "law", &doc, &err) == 0, "not XML: %s", err->message);
    return doc;
}

static bool is_blank_text(const xmlNode *node)
{
    return node->type == XML_TEXT_NODE && xmlIsBlankNode(node);
}

/// The document without its first <cpu>, serialised. Blanks directly below the root do not count
/// where an element was inserted among them.
static char *dump_outside(xmlDoc *doc, bool with_blanks)
{
    xmlNode *cpu = find_cpu(doc);
    if (cpu != NULL) {
        xmlUnlinkNode(cpu);
        xmlFreeNode(cpu);
    }
    GString *all = g_string_new(NULL);
    for (xmlNode *node = xmlDocGetRootElement(doc)->children; node != NULL; node = node->next) {
        if (with_blanks || !is_blank_text(node)) {
            g_autofree char *text = dump(doc, node);
            g_string_append(all, text);
        }
    }
    return g_string_free(all, FALSE);
}

static bool is_definition_child(const xmlNode *node, const cpulift_cpu *cpu)
{
    g_autofree char *mode = node->type == XML_ELEMENT_NODE ? xml_get_attribute(node, "mode") : NULL;
    bool passthrough = g_strcmp0(mode, "passthrough") == 0;
    return is_named(node, "model") || is_named(node, "vendor") || is_named(node, "feature") ||
           (is_named(node, "maxphysaddr") && (cpu->phys_bits > 0 || passthrough)) ||
           (is_named(node, "cache") && passthrough);
}

/// Text, which the parser joins with its neighbours where what was between them goes.
static bool is_text(const xmlNode *node)
{
    return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

static char *join_words(const char *text)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);
    return g_strjoinv("", words);
}

/// What is in the element and belongs (or does not belong) to the definition. Blanks in text do not
/// count: a child takes those before it along.
static char *dump_children(xmlDoc *doc, const xmlNode *element, const cpulift_cpu *cpu, bool owned)
{
    GString *all = g_string_new(NULL);
    for (xmlNode *node = element != NULL ? element->children : NULL; node != NULL;
         node = node->next) {
        if (!is_blank_text(node) && is_definition_child(node, cpu) == owned) {
            g_autofree char *text =
                is_text(node) ? join_words((const char *)node->content) : dump(doc, node);
            g_string_append(all, text);
        }
    }
    return g_string_free(all, FALSE);
}

static void check_attribute(const xmlNode *node, const char *name, const char *expected)
{
    g_autofree char *found = xml_get_attribute(node, name);
    LAW(g_strcmp0(found, expected) == 0, "%s is '%s', not '%s'", name, found, expected);
}

static void check_definition(xmlDoc *doc, const cpulift_cpu *cpu)
{
    const xmlNode *node = find_cpu(doc);
    LAW(node != NULL, "no <cpu> in the result");
    check_attribute(node, "mode", cpu->mode);
    check_attribute(node, "match", cpu->match);
    check_attribute(node, "check", cpu->check);
    g_autofree char *text = cpu_format(cpu, 0);
    g_autoptr(xmlDoc) wanted_doc = parse(text, strlen(text));
    g_autofree char *found = dump_children(doc, node, cpu, true);
    g_autofree char *wanted =
        dump_children(wanted_doc, xmlDocGetRootElement(wanted_doc), cpu, true);
    LAW(strcmp(found, wanted) == 0, "definition became %s, not %s", found, wanted);
}

/// How many elements stand before `node`, as the parser sees it.
static size_t count_before(const xmlNode *node)
{
    size_t count = 0;
    for (node = node->prev; node != NULL; node = node->prev) {
        count += node->type == XML_ELEMENT_NODE;
    }
    return count;
}

/// The bytes before and after the element that is edited; there is none to check where it is new.
static void check_bytes(const char *xml, size_t len, const char *text, size_t text_len,
                        const xmlNode *node)
{
    if (node == NULL) {
        return;
    }
    g_autoptr(GArray) roots = xmltext_find_elements(xml, 0, len);
    const struct xmltext_element *root = &g_array_index(roots, struct xmltext_element, 0);
    g_autoptr(GArray) children = xmltext_find_elements(xml, root->open_end, root->close_start);
    const struct xmltext_element *cpu =
        &g_array_index(children, struct xmltext_element, count_before(node));
    LAW(text_len >= len - (cpu->end - cpu->start), "too short");
    LAW(memcmp(xml, text, cpu->start) == 0, "bytes before the element");
    LAW(memcmp(xml + cpu->end, text + text_len - (len - cpu->end), len - cpu->end) == 0,
        "bytes after the element");
}

static void check_documents(const char *xml, size_t len, const char *text, size_t text_len,
                            const cpulift_cpu *cpu)
{
    g_autoptr(xmlDoc) before = parse(xml, len);
    g_autoptr(xmlDoc) after = parse(text, text_len);
    check_bytes(xml, len, text, text_len, find_cpu(before));
    check_definition(after, cpu);
    bool had_cpu = find_cpu(before) != NULL;
    g_autofree char *kept_before = dump_children(before, find_cpu(before), cpu, false);
    g_autofree char *kept_after = dump_children(after, find_cpu(after), cpu, false);
    LAW(strcmp(kept_before, kept_after) == 0, "kept children were %s and are %s", kept_before,
        kept_after);
    g_autofree char *outside_before = dump_outside(before, had_cpu);
    g_autofree char *outside_after = dump_outside(after, had_cpu);
    LAW(strcmp(outside_before, outside_after) == 0, "the document outside the element changed");
}

static int rewrite(const char *xml, size_t len, const cpulift_cpu *cpu,
                   const struct domain_options *options, char **ret_text, size_t *ret_len,
                   struct domain_changes *ret_changes, cpulift_error **err)
{
    g_autoptr(domain_document) document = NULL;
    TRY(domain_parse(xml, len, "law", &document, err));
    return domain_rewrite(document, cpu, options, ret_text, ret_len, ret_changes, err);
}

/// Taking the definition out again gives the bytes that were there.
static void check_way_back(const char *xml, size_t len, const char *text, size_t text_len)
{
    g_autoptr(domain_document) before = NULL;
    g_autoptr(domain_document) now = NULL;
    g_autofree char *restored = NULL;
    g_autoptr(cpulift_error) err = NULL;
    LAW(domain_parse(xml, len, "law", &before, NULL) == 0, "not parsed twice");
    LAW(domain_parse(text, text_len, "law", &now, NULL) == 0, "the result is not parsed");
    LAW(domain_restore(now, before, &restored, &err) == 0, "no way back: %s", err->message);
    LAW(strlen(restored) == len && memcmp(restored, xml, len) == 0,
        "back is another: %s\n-- of --\n%.*s", restored, (int)len, xml);
}

int domain_laws_check(const char *xml, size_t len, const cpulift_cpu *cpu,
                      const struct domain_options *options)
{
    g_autofree char *once = NULL, *twice = NULL;
    size_t once_len = 0, twice_len = 0;
    struct domain_changes changes = {0}, again = {0};
    g_autoptr(cpulift_error) err = NULL;
    int rc = rewrite(xml, len, cpu, options, &once, &once_len, &changes, &err);
    if (rc != 0) {
        LAW(once == NULL && err != NULL && err->message[0] != '\0', "an error without message");
        LAW(!g_str_has_prefix(err->message, "'law' is XML in a form"),
            "scanner and parser disagree");
        return rc;
    }
    LAW(strlen(once) == once_len, "a NUL byte in the result");
    if (changes.is_respected) {
        LAW(once_len == len && memcmp(once, xml, len) == 0, "respected, and yet changed");
        return 0;
    }
    check_documents(xml, len, once, once_len, cpu);
    struct domain_options without = *options;
    without.respect = false;
    rc = rewrite(once, once_len, cpu, &without, &twice, &twice_len, &again, &err);
    LAW(rc == 0, "the result is refused: %s", err->message);
    LAW(once_len == twice_len && memcmp(once, twice, once_len) == 0,
        "twice is not once: %s\n-- and --\n%s", once, twice);
    LAW(!again.is_changed && !again.is_inserted, "the second time reports a change");
    if ((changes.warnings & DOMAIN_DROPPED) == 0) {
        check_way_back(xml, len, once, once_len);
    }
    return 0;
}
