// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/join.h"

#include "base/json.h"
#include "base/xml.h"
#include "core/cpu_words.h"
#include "core/narrow.h"

#include <string.h>

/// More than one host has virt types and machine types worth telling.
#define PARTS_MAX 64

/// The order in which documents are read: later ones add to what earlier ones say.
enum part_kind {
    PART_DOMCAPABILITIES,
    PART_OTHER,
    PART_REPLY,
    PART_CAPABILITIES,
};

/// One document.
struct part {
    const char *text;
    size_t len;
    char *name; ///< owned
    enum part_kind kind;
    size_t order; ///< in which it was given
};

static void clear_part(void *part)
{
    g_free(((struct part *)part)->name);
}

static size_t skip_blank(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && g_ascii_isspace(text[at])) {
        at++;
    }
    return at;
}

/// Behind the first `end` at or after `at`, or the text's end.
static size_t find_behind(const char *text, size_t len, size_t at, const char *end)
{
    const char *found = memmem(text + at, len - at, end, strlen(end));
    return found != NULL ? (size_t)(found - text) + strlen(end) : len;
}

/// Where the root element opens: behind declaration and comments.
static size_t find_root(const char *text, size_t len)
{
    size_t at = skip_blank(text, len);
    while (at + 1 < len && text[at] == '<' && (text[at + 1] == '?' || text[at + 1] == '!')) {
        at = find_behind(text, len, at, text[at + 1] == '?' ? "?>" : ">");
        at += skip_blank(text + at, len - at);
    }
    return at;
}

/// How long the XML document is that the text begins with. No root of libvirt's documents has an
/// element of its own name in it.
static size_t measure_xml(const char *text, size_t len, enum part_kind *ret_kind)
{
    size_t at = find_root(text, len);
    size_t name_len = 0;
    while (at + 1 + name_len < len && (g_ascii_isalnum(text[at + 1 + name_len]))) {
        name_len++;
    }
    g_autofree char *root = at < len ? g_strndup(text + at + 1, name_len) : g_strdup("");
    *ret_kind = strcmp(root, "domainCapabilities") == 0 ? PART_DOMCAPABILITIES
                : strcmp(root, "capabilities") == 0     ? PART_CAPABILITIES
                                                        : PART_OTHER;
    size_t opened = find_behind(text, len, at, ">");
    if (opened >= 2 && text[opened - 2] == '/') {
        return opened;
    }
    g_autofree char *end = g_strdup_printf("</%s>", root);
    return find_behind(text, len, at, end);
}

/// JSON goes on until a line begins with '<'.
static size_t measure_json(const char *text, size_t len)
{
    const char *end = memmem(text, len, "\n<", 2);
    return end != NULL ? (size_t)(end - text) + 1 : len;
}

static int add_parts(GArray *parts, const struct join_text *from, cpulift_error **err)
{
    size_t first = parts->len, at = 0;
    do {
        struct part part = {.text = from->text + at, .order = parts->len};
        size_t left = from->len - at, blank = skip_blank(part.text, left);
        if (parts->len == PARTS_MAX) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s': more than %d documents are no host's", from->name,
                                     PARTS_MAX);
        }
        if (blank < left && part.text[blank] == '{') {
            part.kind = PART_REPLY;
            part.len = measure_json(part.text, left);
        } else {
            part.len = measure_xml(part.text, left, &part.kind);
        }
        part.len += skip_blank(part.text + part.len, left - part.len);
        at += part.len;
        part.name = parts->len == first
                        ? g_strdup(from->name)
                        : g_strdup_printf("%s, document %zu", from->name, parts->len - first + 1);
        g_array_append_val(parts, part);
    } while (at < from->len);
    return 0;
}

static int compare_parts(const void *a, const void *b)
{
    const struct part *pa = a, *pb = b;
    return pa->kind != pb->kind ? (int)pa->kind - (int)pb->kind : (pa->order < pb->order ? -1 : 1);
}

static bool is_meant(const struct host_guest *guest, const struct import_options *options)
{
    const char *virt = options->virt != NULL ? options->virt : "kvm";
    return strcmp(guest->virt, virt) == 0 &&
           (options->machine == NULL || strcmp(guest->machine, options->machine) == 0 ||
            g_strcmp0(guest->canonical_machine, options->machine) == 0);
}

/// What a document says by itself (`own`) of the CPU must fit what others say of it.
static int check_identity(const cpulift_host *host, const cpulift_host *own, const char *name,
                          cpulift_error **err)
{
    if (host->vendor != NULL && own->vendor != NULL && strcmp(host->vendor, own->vendor) != 0) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is of an %s CPU, and the documents before it of host '%s' "
                                 "are of an %s one: they are of two hosts",
                                 name, own->vendor, host->name, host->vendor);
    }
    if (host->family != 0 && own->family != 0 &&
        (host->family != own->family || host->model != own->model)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is of a CPU of family %u, model %u, and the documents "
                                 "before it of host '%s' of family %u, model %u: they are of two "
                                 "hosts",
                                 name, own->family, own->model, host->name, host->family,
                                 host->model);
    }
    return 0;
}

/// KVM makes up features that the silicon lacks, but none of those that make the levels of x86-64.
/// `own` has what the silicon has, where that could be read.
static int check_silicon(const cpulift_host *host, const cpulift_host *own, const catalog *map,
                         const char *name, cpulift_error **err)
{
    const struct host_guest *silicon = own->guests->len > 0 ? own->guests->pdata[0] : NULL;
    feature_set level = catalog_get_level(map, CPU_WORDS_LEVEL_MAX), beyond = {0};
    for (size_t g = 0; g < host->guests->len && silicon != NULL; g++) {
        const struct host_guest *guest = host->guests->pdata[g];
        if (strcmp(guest->virt, "kvm") == 0 && silicon->lower_bound == NULL) {
            beyond = feature_set_unite(
                beyond, feature_set_subtract(feature_set_intersect(guest->features, level),
                                             silicon->features));
        }
    }
    if (feature_set_is_empty(&beyond)) {
        return 0;
    }
    g_autoptr(json_t) list = host_format_features(&beyond, map);
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' is of a CPU without %s, which guests get by the documents "
                             "before it of host '%s': they are of two hosts",
                             name, json_string_value(json_array_get(list, 0)), host->name);
}

static int read_identity(const struct part *part, const catalog *map, cpulift_host *host,
                         cpulift_error **err)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(cpulift_host) own = host_new(host->name), silicon = host_new(host->name);
    const struct import_options whole = {.is_silicon_trusted = true};
    TRY(xml_parse(part->text, part->len, part->name, &doc, err));
    const xmlNode *root = xmlDocGetRootElement(doc);
    TRY(import_capabilities(root, part->name, map, NULL, own, err));
    TRY(check_identity(host, own, part->name, err));
    // A model that the map lacks tells nothing of the silicon.
    (void)import_capabilities(root, part->name, map, &whole, silicon, NULL);
    TRY(check_silicon(host, silicon, map, part->name, err));
    return import_capabilities(root, part->name, map, NULL, host, err);
}

/// QEMU's word on guests that libvirt's document has told of.
static int narrow(const struct part *part, const catalog *map, const struct import_options *options,
                  cpulift_host *host, size_t *ret_count, cpulift_error **err)
{
    g_autoptr(json_t) replies = NULL;
    TRY(json_parse_sequence(part->text, part->len, part->name, &replies, err));
    const json_t *reply = json_array_get(replies, 0);
    const struct narrow_answers answers = {reply, reply,
                                           json_object_get(json_array_get(replies, 1), "return")};
    size_t count = 0;
    for (size_t g = 0; g < host->guests->len; g++) {
        if (is_meant(host->guests->pdata[g], options)) {
            TRY(narrow_guest(host->guests->pdata[g], &answers, part->name, map, err));
            count++;
        }
    }
    g_autoptr(cpulift_host) own = host_new(host->name);
    import_identity(import_find_model(reply), map, own);
    TRY(check_identity(host, own, part->name, err));
    import_identity(import_find_model(reply), map, host);
    *ret_count = count;
    return 0;
}

/// Reads one document after those before it in the order of kinds. `is_told`: domcapabilities are
/// among them.
static int read_part(const struct part *part, bool is_told, const catalog *map,
                     const struct import_options *options, cpulift_host *host, cpulift_error **err)
{
    size_t narrowed = 0;
    if (part->kind == PART_REPLY && is_told) {
        TRY(narrow(part, map, options, host, &narrowed, err));
    }
    if (narrowed > 0) {
        return 0;
    }
    if (part->kind == PART_CAPABILITIES && host->guests->len > 0) {
        return read_identity(part, map, host, err);
    }
    return import_text(part->text, part->len, part->name, map, options, host, err);
}

int join_texts(const struct join_text *texts, size_t count, const catalog *map,
               const struct import_options *options, cpulift_host *host, cpulift_error **err)
{
    g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(struct part));
    g_array_set_clear_func(parts, clear_part);
    for (size_t i = 0; i < count; i++) {
        TRY(add_parts(parts, &texts[i], err));
    }
    g_array_sort(parts, compare_parts);
    bool is_told = g_array_index(parts, struct part, 0).kind == PART_DOMCAPABILITIES;
    for (size_t i = 0; i < parts->len; i++) {
        TRY(read_part(&g_array_index(parts, struct part, i), is_told, map, options, host, err));
    }
    return 0;
}
