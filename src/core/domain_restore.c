// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/domain_restore.h"

#include "base/xml.h"
#include "core/domain_edit.h"
#include "core/domain_site.h"

#include <stdlib.h>
#include <string.h>

/// The text without <cpu> and the blanks before it; NULL where it cannot be said where that is.
static GString *cut_cpu(const domain_document *document)
{
    struct domain_site site = {0};
    if (domain_find_site(document, &site, NULL) != 0) {
        return NULL;
    }
    GString *text = g_string_new_len(document->xml, (gssize)document->len);
    size_t start = site.place.start;
    if (site.cpu == NULL) {
        return text;
    }
    while (start > 0 && xmltext_is_blank(text->str[start - 1])) {
        start--;
    }
    return g_string_erase(text, (gssize)start, (gssize)(site.place.end - start));
}

bool domain_differs_in_cpu_only(const domain_document *a, const domain_document *b)
{
    g_autoptr(GString) rest_a = cut_cpu(a);
    g_autoptr(GString) rest_b = cut_cpu(b);
    return rest_a != NULL && rest_b != NULL && g_string_equal(rest_a, rest_b);
}

static int compare_features(const void *a, const void *b)
{
    const struct cpu_feature *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/// All that the document says of the CPU and that a definition replaces; NULL where it cannot be
/// read. The caller's.
static char *describe(const domain_document *document)
{
    struct domain_site site = {0};
    g_autoptr(cpulift_cpu) cpu = NULL;
    if (domain_find_site(document, &site, NULL) != 0) {
        return NULL;
    }
    if (site.cpu == NULL) {
        cpu = cpu_new();
    } else if (cpu_parse_node(site.cpu, document->label, &cpu, NULL) != 0) {
        return NULL;
    }
    if (cpu->feature_count > 0) {
        qsort(cpu->features, cpu->feature_count, sizeof(*cpu->features), compare_features);
    }
    return cpu_format(cpu, 0);
}

bool domain_has_same_definition(const domain_document *a, const domain_document *b)
{
    g_autofree char *said_a = describe(a), *said_b = describe(b);
    return said_a != NULL && said_b != NULL && strcmp(said_a, said_b) == 0;
}

/// `has_cache`: the other document has a <cache>, which stays; else one that domain_rewrite() would
/// have taken out counts to the definition.
static bool is_of_definition(const xmlNode *child, bool has_cache)
{
    static const char *const names[] = {"model", "vendor", "feature", "maxphysaddr"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (xml_is_plain(child, names[i])) {
            return true;
        }
    }
    g_autofree char *mode = xml_get_attribute(child, "mode");
    return !has_cache && xml_is_plain(child, "cache") && g_strcmp0(mode, "passthrough") == 0;
}

/// For each of the `count` element children of a <cpu>. The caller frees it.
static bool *select_definition(const struct domain_site *site, size_t count, bool has_cache)
{
    bool *is_definition = g_new0(bool, count + 1);
    size_t i = 0;
    for (const xmlNode *child = site->cpu->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE && i < count) {
            is_definition[i++] = is_of_definition(child, has_cache);
        }
    }
    return is_definition;
}

/// The <cpu> of `document` as an edit, whose children and choice are *ret_children and *ret_is, the
/// caller's.
static int take_apart(const domain_document *document, const struct domain_site *site,
                      bool has_cache, GArray **ret_children, bool **ret_is,
                      struct domain_edit *ret_edit, cpulift_error **err)
{
    GArray *children = domain_find_children(document, site);
    if (children == NULL) {
        (void)domain_fail_scan(document, err);
        return CPULIFT_EINPUT;
    }
    *ret_children = children;
    *ret_is = select_definition(site, children->len, has_cache);
    *ret_edit = (struct domain_edit){document->xml, document->len, site->place, children, *ret_is};
    return 0;
}

/// The children that are no definition's. The caller's.
static char *join_rest(const struct domain_edit *edit)
{
    GString *rest = g_string_new(NULL);
    for (size_t i = 0; i < edit->children->len; i++) {
        const struct xmltext_element *child =
            &g_array_index(edit->children, struct xmltext_element, i);
        if (!edit->is_discarded[i]) {
            g_string_append_len(rest, edit->text + child->start,
                                (gssize)(child->end - child->start));
        }
    }
    return g_string_free(rest, FALSE);
}

int domain_restore(const domain_document *now, const domain_document *before, char **ret_text,
                   cpulift_error **err)
{
    struct domain_site here = {0}, there = {0};
    struct domain_edit edit, old;
    g_autoptr(GArray) children = NULL;
    g_autoptr(GArray) old_children = NULL;
    g_autofree bool *is_ours = NULL, *is_old = NULL;
    g_autofree char *old_rest = NULL;
    g_autoptr(GString) text = NULL;
    TRY(domain_find_site(now, &here, err));
    TRY(domain_find_site(before, &there, err));
    if (here.cpu == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' has no <cpu>", now->label);
    }
    bool has_cache = xml_find_child(here.cpu, "cache") != NULL;
    TRY(take_apart(now, &here, has_cache, &children, &is_ours, &edit, err));
    if (there.cpu != NULL) {
        TRY(take_apart(before, &there, has_cache, &old_children, &is_old, &old, err));
        old_rest = join_rest(&old);
        text = domain_edit_extract(&old);
    }
    g_autofree char *rest = join_rest(&edit);
    if (strcmp(rest, old_rest != NULL ? old_rest : "") == 0 &&
        domain_differs_in_cpu_only(now, before)) {
        *ret_text = g_strndup(before->xml, before->len);
        return 0;
    }
    g_autoptr(GString) result = there.cpu == NULL && *rest == '\0'
                                    ? cut_cpu(now)
                                    : domain_edit_replace(&edit, text ? text->str : "<cpu/>");
    if (result == NULL) {
        return domain_fail_scan(now, err);
    }
    *ret_text = g_string_free(g_steal_pointer(&result), FALSE);
    return 0;
}
