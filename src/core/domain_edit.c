// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/domain_edit.h"

#include <string.h>

/// Attributes of <cpu> that belong to the definition, or that libvirt refuses beside a named model:
/// virCPUDefParseXML in libvirt's src/conf/cpu_conf.c.
static const char *const owned_attributes[] = {
    "check", "deprecated_features", "match", "migratable", "mode",
};

/// Blanks at the beginning of a line: `len` bytes at `at`, written `times` times.
struct indent {
    const char *at;
    size_t len;
    unsigned times;
};

/// How new lines are laid out so that they look like those around them. The next rewrite finds the
/// same layout in what this one wrote: that is what makes it idempotent.
struct layout {
    bool is_multiline;
    const char *eol;
    struct indent cpu, child;
};

static const struct xmltext_element *element_at(const GArray *elements, size_t index)
{
    return &g_array_index(elements, struct xmltext_element, index);
}

/// The blanks that begin the line on which offset `at` stands; *ret_is_first: nothing but them
/// stands before it, on a line that is not the text's first.
static struct indent find_indent(const char *text, size_t at, bool *ret_is_first)
{
    const char *newline = memrchr(text, '\n', at);
    size_t start = newline != NULL ? (size_t)(newline - text) + 1 : 0;
    size_t end = start;
    while (end < at && xmltext_is_blank(text[end])) {
        end++;
    }
    *ret_is_first = newline != NULL && end == at;
    return (struct indent){.at = text + start, .len = end - start, .times = 1};
}

/// True if a line ends in the element outside of its children.
static bool has_line_end(const struct domain_edit *edit)
{
    size_t from = edit->cpu.open_end;
    for (size_t i = 0; i < edit->children->len; i++) {
        const struct xmltext_element *child = element_at(edit->children, i);
        if (memchr(edit->text + from, '\n', child->start - from) != NULL) {
            return true;
        }
        from = child->end;
    }
    return memchr(edit->text + from, '\n', edit->cpu.close_start - from) != NULL;
}

/// How the lines outside of [from, to) end: what an edit inside does not change.
static const char *find_eol(const char *text, size_t len, size_t from, size_t to)
{
    const char *newline = memchr(text, '\n', from);
    if (newline == NULL) {
        newline = memchr(text + to, '\n', len - to);
    }
    return newline != NULL && newline > text && newline[-1] == '\r' ? "\r\n" : "\n";
}

static struct layout find_layout(const struct domain_edit *edit)
{
    bool cpu_is_first, child_is_first = false;
    struct layout layout = {
        .eol = find_eol(edit->text, edit->len, edit->cpu.start, edit->cpu.end),
        .cpu = find_indent(edit->text, edit->cpu.start, &cpu_is_first),
    };
    layout.is_multiline = has_line_end(edit) || (edit->children->len == 0 && cpu_is_first);
    if (edit->children->len > 0) {
        layout.child =
            find_indent(edit->text, element_at(edit->children, 0)->start, &child_is_first);
    }
    if (!child_is_first) {
        layout.child = layout.cpu;
        layout.child.times = 2;
    }
    return layout;
}

static void append_line(GString *out, const struct layout *layout, const struct indent *indent)
{
    g_string_append(out, layout->eol);
    for (unsigned i = 0; i < indent->times; i++) {
        g_string_append_len(out, indent->at, (gssize)indent->len);
    }
}

static bool is_owned(const char *text, const struct xmltext_attribute *attribute)
{
    for (size_t i = 0; i < G_N_ELEMENTS(owned_attributes); i++) {
        if (strlen(owned_attributes[i]) == attribute->name_len &&
            memcmp(text + attribute->name, owned_attributes[i], attribute->name_len) == 0) {
            return true;
        }
    }
    return false;
}

/// Appends the definition's attributes, then the element's own that stay. Returns the offset after
/// the element's last.
static size_t append_attributes(GString *out, const struct domain_edit *edit,
                                const char *definition, const struct xmltext_element *root)
{
    struct xmltext_attribute attribute;
    for (size_t from = 0; xmltext_find_attribute(definition, root, from, &attribute);
         from = attribute.end) {
        g_string_append_c(out, ' ');
        g_string_append_len(out, definition + attribute.name,
                            (gssize)(attribute.end - attribute.name));
    }
    size_t from = edit->cpu.start + 1 + edit->cpu.name_len;
    for (; xmltext_find_attribute(edit->text, &edit->cpu, from, &attribute); from = attribute.end) {
        if (!is_owned(edit->text, &attribute)) {
            g_string_append_len(out, edit->text + attribute.start,
                                (gssize)(attribute.end - attribute.start));
        }
    }
    return from;
}

static void append_definition(GString *out, const char *definition, const GArray *children,
                              const struct layout *layout)
{
    for (size_t i = 0; i < children->len; i++) {
        const struct xmltext_element *child = element_at(children, i);
        if (layout->is_multiline) {
            append_line(out, layout, &layout->child);
        }
        g_string_append_len(out, definition + child->start, (gssize)(child->end - child->start));
    }
}

/// Appends [from, to) without the blanks at its end.
static void append_trimmed(GString *out, const char *text, size_t from, size_t to)
{
    while (to > from && xmltext_is_blank(text[to - 1])) {
        to--;
    }
    g_string_append_len(out, text + from, (gssize)(to - from));
}

/// What stays of the element's content. A discarded child takes the blanks before it along.
static GString *collect_kept(const struct domain_edit *edit)
{
    GString *kept = g_string_new(NULL);
    size_t from = edit->cpu.open_end;
    for (size_t i = 0; i < edit->children->len; i++) {
        const struct xmltext_element *child = element_at(edit->children, i);
        if (edit->is_discarded[i]) {
            append_trimmed(kept, edit->text, from, child->start);
        } else {
            g_string_append_len(kept, edit->text + from, (gssize)(child->end - from));
        }
        from = child->end;
    }
    g_string_append_len(kept, edit->text + from, (gssize)(edit->cpu.close_start - from));
    return kept;
}

static bool is_blank_line(const GString *text)
{
    return strspn(text->str, " \t\r") == text->len;
}

/// Appends the element's content and end tag; `children` are those of the definition.
static void append_content(GString *out, const struct domain_edit *edit, const char *definition,
                           const GArray *children, const struct layout *layout)
{
    append_definition(out, definition, children, layout);
    g_autoptr(GString) kept = collect_kept(edit);
    if (layout->is_multiline && children->len > 0 && is_blank_line(kept)) {
        append_line(out, layout, &layout->cpu);
    } else {
        g_string_append_len(out, kept->str, (gssize)kept->len);
    }
    if (edit->cpu.close_start < edit->cpu.end) {
        g_string_append_len(out, edit->text + edit->cpu.close_start,
                            (gssize)(edit->cpu.end - edit->cpu.close_start));
    } else {
        g_string_append(out, "</cpu>");
    }
}

GString *domain_edit_replace(const struct domain_edit *edit, const char *definition)
{
    g_autoptr(GArray) roots = xmltext_find_elements(definition, 0, strlen(definition));
    if (roots == NULL || roots->len != 1) {
        return NULL;
    }
    const struct xmltext_element *root = element_at(roots, 0);
    g_autoptr(GArray) children =
        xmltext_find_elements(definition, root->open_end, root->close_start);
    if (children == NULL) {
        return NULL;
    }
    struct layout layout = find_layout(edit);
    GString *out = g_string_sized_new(edit->len + strlen(definition) + 256);
    g_string_append_len(out, edit->text, (gssize)(edit->cpu.start + 1 + edit->cpu.name_len));
    size_t tail = append_attributes(out, edit, definition, root);
    bool is_empty = edit->cpu.open_end == edit->cpu.end;
    if (is_empty && children->len > 0) {
        g_string_append_c(out, '>');
    } else {
        g_string_append_len(out, edit->text + tail, (gssize)(edit->cpu.open_end - tail));
    }
    if (!is_empty || children->len > 0) {
        append_content(out, edit, definition, children, &layout);
    }
    g_string_append_len(out, edit->text + edit->cpu.end, (gssize)(edit->len - edit->cpu.end));
    return out;
}

GString *domain_edit_extract(const struct domain_edit *edit)
{
    GString *out = g_string_new("<cpu");
    struct xmltext_attribute attribute;
    for (size_t from = 0; xmltext_find_attribute(edit->text, &edit->cpu, from, &attribute);
         from = attribute.end) {
        if (is_owned(edit->text, &attribute)) {
            g_string_append_c(out, ' ');
            g_string_append_len(out, edit->text + attribute.name,
                                (gssize)(attribute.end - attribute.name));
        }
    }
    g_string_append_c(out, '>');
    for (size_t i = 0; i < edit->children->len; i++) {
        const struct xmltext_element *child = element_at(edit->children, i);
        if (edit->is_discarded[i]) {
            g_string_append_len(out, edit->text + child->start,
                                (gssize)(child->end - child->start));
        }
    }
    g_string_append(out, "</cpu>");
    return out;
}

GString *domain_edit_insert(const char *text, size_t len, const struct xmltext_element *anchor)
{
    bool is_first;
    struct layout layout = {.eol = find_eol(text, len, len, len)};
    layout.cpu = find_indent(text, anchor->start, &is_first);
    GString *out = g_string_sized_new(len + 64);
    g_string_append_len(out, text, (gssize)anchor->end);
    if (is_first) {
        append_line(out, &layout, &layout.cpu);
    }
    g_string_append(out, "<cpu/>");
    g_string_append_len(out, text + anchor->end, (gssize)(len - anchor->end));
    return out;
}
