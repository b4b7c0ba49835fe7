// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/protection_page.h"

#include "base/html.h"
#include "cli/protection_table.h"

#include <string.h>

/// The page's frame and its style, from data/security, as part of the program.
static const struct {
    const char *name, *text;
} templates[] = {
#include "protection_templates.h"
};
enum { PAGE, STYLE }; // in the order of meson.build

/// A verdict's colours and a mark beside its word, so that nobody needs the colours.
static const struct {
    const char *verdict, *class, *mark;
} marks[] = {
    {"wrong", "n", "✗"}, {"worse", "n", "✗"},  {"unknown", "u", "?"},
    {"same", "y", "✓"},  {"slower", "s", "✓"},
};

static void add_verdict(GString *page, const char *verdict)
{
    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
        if (g_strcmp0(marks[i].verdict, verdict) == 0) {
            html_add(page, "<td class=\"%s\">%s %s</td>", marks[i].class, marks[i].mark, verdict);
        }
    }
}

static void add_text(GString *page, const char *text)
{
    html_add(page, "<td>%s</td>", text != NULL ? text : "not known");
}

static void add_hosts(GString *page, const json_t *item)
{
    size_t i;
    const json_t *of;
    html_add(page, "<td>");
    json_array_foreach (json_object_get(item, "hosts"), i, of) {
        const char *text = json_get_string(of, "text");
        g_autofree char *hosts = protection_table_join_hosts(of);
        html_add(page, "<p>%s%s <small>%s</small></p>", text != NULL ? text : "not known",
                 g_strcmp0(json_get_string(of, "source"), "predicted") == 0 ? " (predicted)" : "",
                 hosts);
    }
    html_add(page, "</td>");
}

static const json_t *find_row(const json_t *document, const char *name)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(document, "vulnerabilities"), i, item) {
        if (g_strcmp0(json_get_string(item, "name"), name) == 0) {
            return item;
        }
    }
    return NULL;
}

static void add_row(GString *page, const json_t *document, const json_t *item)
{
    const char *name = json_get_string(item, "name");
    const json_t *before = json_object_get(document, "before");
    g_autofree char *why = protection_table_explain(document, item);
    html_add(page, "<tr><td>%s</td>", name);
    add_verdict(page, json_get_string(item, "verdict"));
    add_text(page, json_get_string(item, "guest"));
    if (before != NULL) {
        const json_t *was = find_row(before, name);
        add_verdict(page, was != NULL ? json_get_string(was, "verdict") : "unknown");
        add_text(page, was != NULL ? json_get_string(was, "guest") : NULL);
    }
    add_hosts(page, item);
    html_add(page, "<td>%s</td></tr>\n", why);
}

static void add_sentences(GString *page, const json_t *document)
{
    static const char *const keys[] = {"reasons", "notes"};
    size_t i;
    const json_t *sentence;
    for (size_t k = 0; k < G_N_ELEMENTS(keys); k++) {
        json_array_foreach (json_object_get(document, keys[k]), i, sentence) {
            html_add(page, "<li>%s</li>\n", json_string_value(sentence));
        }
    }
    if (page->len > 0) {
        g_string_prepend(page, "<ul>\n");
        g_string_append(page, "</ul>\n");
    }
}

static const char *say(const json_t *document, const char *key)
{
    const char *text = json_get_string(document, key);
    return text != NULL ? text : "not known";
}

char *protection_page_format(const json_t *document, const char *answer)
{
    g_autoptr(GString) summary = g_string_new(NULL), sentences = g_string_new(NULL);
    g_autoptr(GString) rows = g_string_new(NULL), before = g_string_new(NULL);
    g_autoptr(GString) said = g_string_new(NULL);
    const char *through = json_get_string(document, "through");
    const json_t *old = json_object_get(document, "before");
    html_add(summary, "Pool %s, model %s, kernel %s, %s%s.", say(document, "pool"),
             say(document, "model"), say(document, "kernel"),
             through != NULL ? "booted through " : "told without a boot",
             through != NULL ? through : "");
    html_add(said, "%s", answer);
    if (old != NULL) {
        html_add(before, "<th>verdict, %s CPU</th><th>its kernel says</th>", say(old, "cpu"));
    }
    add_sentences(sentences, document);
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(document, "vulnerabilities"), i, item) {
        add_row(rows, document, item);
    }
    const char *const values[][2] = {
        {"STYLE", templates[STYLE].text}, {"SUMMARY", summary->str},     {"ANSWER", said->str},
        {"BEFORE", before->str},          {"SENTENCES", sentences->str}, {"ROWS", rows->str}};
    return html_fill(templates[PAGE].text, values, G_N_ELEMENTS(values));
}
