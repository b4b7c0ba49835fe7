// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/inventory.h"

#include "base/date.h"
#include "base/text.h"

#include <fnmatch.h>
#include <string.h>

/// When it was scanned stands in the last so many bytes of a document.
#define TAIL             8192
#define NAMES_IN_MESSAGE 5

/// What a document of a kind looks like around the name.
struct exemplar {
    struct host_kind *kind;
    char *text;
    size_t before; ///< bytes up to and with the quote that opens the name
    size_t after;  ///< bytes from the quote that closes it
    size_t len;
    guint hash; ///< of all but the name
};

struct inventory_private {
    GHashTable *exemplars; ///< struct exemplar *, a set
    GHashTable *names;     ///< name → struct host_kind *; borrows the names of the kinds
    GHashTable *without;   ///< pattern → seen?
    GHashTable *left_out;  ///< names of the hosts that were left out, a set
    bool is_aged;          ///< a document older than `oldest`, or without a date, is refused
    gint64 oldest;         ///< seconds since 1970
};

static void kind_free(void *data)
{
    struct host_kind *kind = data;
    host_free(kind->host);
    g_ptr_array_unref(kind->names);
    g_free(kind);
}

static void exemplar_free(void *data)
{
    struct exemplar *exemplar = data;
    g_free(exemplar->text);
    g_free(exemplar);
}

static guint get_hash(const void *exemplar)
{
    return ((const struct exemplar *)exemplar)->hash;
}

/// True if the documents differ in nothing but the name.
static gboolean is_same_kind(const void *a, const void *b)
{
    const struct exemplar *ea = a, *eb = b;
    return ea->before == eb->before && ea->after == eb->after &&
           memcmp(ea->text, eb->text, ea->before) == 0 &&
           memcmp(ea->text + ea->len - ea->after, eb->text + eb->len - eb->after, ea->after) == 0;
}

inventory *inventory_new(const catalog *map)
{
    inventory *inv = g_new0(inventory, 1);
    inv->map = map;
    inv->kinds = g_ptr_array_new_with_free_func(kind_free);
    inv->private = g_new0(struct inventory_private, 1);
    inv->private->exemplars = g_hash_table_new_full(get_hash, is_same_kind, exemplar_free, NULL);
    inv->private->names = g_hash_table_new(g_str_hash, g_str_equal);
    inv->private->without = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    inv->private->left_out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return inv;
}

void inventory_free(inventory *inv)
{
    if (inv != NULL) {
        g_hash_table_unref(inv->private->exemplars);
        g_hash_table_unref(inv->private->names);
        g_hash_table_unref(inv->private->without);
        g_hash_table_unref(inv->private->left_out);
        g_free(inv->private);
        g_ptr_array_unref(inv->kinds);
        g_free(inv);
    }
}

void inventory_add_without(inventory *inv, const char *pattern)
{
    g_hash_table_insert(inv->private->without, g_strdup(pattern), GINT_TO_POINTER(false));
}

const char **inventory_get_left_out(const inventory *inv, size_t *ret_count)
{
    guint count;
    const char **names =
        (const char **)g_hash_table_get_keys_as_array(inv->private->left_out, &count);
    qsort((void *)names, count, sizeof *names, text_compare);
    *ret_count = count;
    return names;
}

const char *inventory_get_unseen(const inventory *inv)
{
    const char *first = NULL;
    GHashTableIter iter;
    void *pattern, *seen;
    g_hash_table_iter_init(&iter, inv->private->without);
    while (g_hash_table_iter_next(&iter, &pattern, &seen)) {
        bool is_first = first == NULL || strcmp(pattern, first) < 0;
        first = !GPOINTER_TO_INT(seen) && is_first ? pattern : first;
    }
    return first;
}

/// Marks every pattern that the name matches.
static bool is_left_out(inventory *inv, const char *name)
{
    bool matches = false;
    GHashTableIter iter;
    void *pattern;
    g_hash_table_iter_init(&iter, inv->private->without);
    while (g_hash_table_iter_next(&iter, &pattern, NULL)) {
        if (fnmatch(pattern, name, 0) == 0) {
            g_hash_table_iter_replace(&iter, GINT_TO_POINTER(true));
            matches = true;
        }
    }
    return matches;
}

static int check_age(const inventory *inv, const char *name, const char *scanned,
                     cpulift_error **err)
{
    gint64 date = scanned != NULL ? date_parse(scanned) : 0;
    if (scanned != NULL && date == 0) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "host '%s': \"scanned\" is no date in UTC ('%s')", name, scanned);
    }
    if (!inv->private->is_aged || (date != 0 && date >= inv->private->oldest)) {
        return 0;
    }
    return cpulift_error_set(
        err, CPULIFT_EREFUSED,
        "host '%s' was scanned %s%s, and --max-age allows nothing older than its limit; scan it "
        "again",
        name, scanned != NULL ? "at " : "at a time that its document does not say",
        scanned != NULL ? scanned : "");
}

/// Adds a host's name to its kind, unless it is left out.
static int add_name(inventory *inv, struct host_kind *kind, const char *name, const char *scanned,
                    cpulift_error **err)
{
    if (is_left_out(inv, name)) {
        g_hash_table_add(inv->private->left_out, g_strdup(name));
        return 0;
    }
    TRY(check_age(inv, name, scanned, err));
    if (g_hash_table_contains(inv->private->names, name)) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "host '%s' stands twice among the documents; remove one or rename it "
            "('cpulift import --name', or \"name\" in the document)",
            name);
    }
    char *copy = g_strdup(name);
    g_ptr_array_add(kind->names, copy);
    g_hash_table_insert(inv->private->names, copy, kind);
    inv->host_count++;
    return 0;
}

/// Folds bytes into a hash, a word at a time: every document of a fleet goes through here.
static uint64_t mix(uint64_t hash, const char *bytes, size_t len)
{
    uint64_t word;
    for (; len > 0; bytes += MIN(len, sizeof word), len -= MIN(len, sizeof word)) {
        word = 0;
        memcpy(&word, bytes, MIN(len, sizeof word));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

/// Finds where the name stands in a document that has not been parsed; false where the place is not
/// beyond doubt: the member must stand there once, and nothing may be escaped.
static bool find_name(const char *text, size_t len, struct exemplar *ret_around)
{
    static const char member[] = "\"name\"";
    const char *end = text + len;
    const char *at = memmem(text, len, member, sizeof member - 1);
    if (at == NULL || memchr(text, '\\', len) != NULL) {
        return false;
    }
    const char *name = at + sizeof member - 1;
    if (memmem(name, (size_t)(end - name), member, sizeof member - 1) != NULL) {
        return false;
    }
    name += strspn(name, ": ");
    const char *quote = *name == '"' ? memchr(name + 1, '"', (size_t)(end - name - 1)) : NULL;
    if (quote == NULL) {
        return false;
    }
    ret_around->text = (char *)text;
    ret_around->len = len;
    ret_around->before = (size_t)(name + 1 - text);
    ret_around->after = (size_t)(end - quote);
    uint64_t hash = mix(mix(0, text, ret_around->before), quote, ret_around->after);
    ret_around->hash = (guint)(hash ^ (hash >> 32));
    return true;
}

/// The kind that a document belongs to whose like was seen before, or NULL; *ret_name is the
/// caller's.
static struct host_kind *find_known(const inventory *inv, const struct exemplar *around,
                                    char **ret_name)
{
    const struct exemplar *known = g_hash_table_lookup(inv->private->exemplars, around);
    g_autofree char *name =
        g_strndup(around->text + around->before, around->len - around->before - around->after);
    if (known == NULL || !text_is_name(name)) {
        return NULL;
    }
    *ret_name = g_steal_pointer(&name);
    return known->kind;
}

/// Keeps the text as its kind's exemplar, if the name that the parser found stands at that place.
static void keep_exemplar(inventory *inv, struct host_kind *kind, const struct exemplar *around)
{
    const char *name = kind->host->name;
    size_t name_len = around->len - around->before - around->after;
    if (strlen(name) == name_len && memcmp(around->text + around->before, name, name_len) == 0) {
        struct exemplar *exemplar = g_memdup2(around, sizeof *around);
        exemplar->kind = kind;
        exemplar->text = g_memdup2(around->text, around->len);
        g_hash_table_add(inv->private->exemplars, exemplar);
    }
}

void inventory_set_oldest(inventory *inv, gint64 oldest)
{
    inv->private->is_aged = true;
    inv->private->oldest = oldest;
}

/// Cuts out of a copy of the text when it was scanned: hosts of a kind are scanned one after the
/// other. NULL where that does not stand at its place beyond doubt, which is among the last
/// members.
static char *cut_date(const char *text, size_t *len, char **ret_date)
{
    static const char member[] = "\"scanned\"";
    size_t skipped = *len - MIN(*len, TAIL);
    const char *start = memmem(text + skipped, *len - skipped, member, sizeof member - 1);
    const char *value = start != NULL ? start + sizeof member - 1 : NULL;
    value = value != NULL ? value + strspn(value, ": ") : NULL;
    const char *quote = value != NULL && *value == '"' ? strchr(value + 1, '"') : NULL;
    const char *next = quote != NULL ? quote + 1 + strspn(quote + 1, ", \n") : NULL;
    if (next == NULL || *next != '"' || quote[1] != ',' || strstr(next, member) != NULL) {
        return NULL;
    }
    *ret_date = g_strndup(value + 1, (size_t)(quote - value - 1));
    size_t before = (size_t)(start - text), after = *len - (size_t)(next - text);
    char *rest = g_malloc(before + after + 1);
    memcpy(rest, text, before);
    memcpy(rest + before, next, after + 1);
    *len = before + after;
    return rest;
}

/// A host that did not answer may be left out on purpose; else it is refused.
static bool is_silent_left_out(inventory *inv, const char *text, size_t len)
{
    g_autofree char *silent = host_find_silent(text, len);
    if (silent == NULL || !is_left_out(inv, silent)) {
        return false;
    }
    g_hash_table_add(inv->private->left_out, g_steal_pointer(&silent));
    return true;
}

/// Adds a document from which the date was cut where it stood at its place.
static int add_text(inventory *inv, const char *text, size_t len, const char *scanned,
                    const char *where, cpulift_error **err)
{
    struct exemplar around = {0};
    bool is_placed = find_name(text, len, &around);
    g_autofree char *name = NULL;
    struct host_kind *kind = is_placed ? find_known(inv, &around, &name) : NULL;
    if (kind != NULL) {
        return add_name(inv, kind, name, scanned, err);
    }
    if (is_silent_left_out(inv, text, len)) {
        return 0;
    }
    g_autoptr(cpulift_host) host = NULL;
    TRY(host_parse(text, len, where, inv->map, &host, err));
    kind = g_new0(struct host_kind, 1);
    kind->host = g_steal_pointer(&host);
    kind->names = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(inv->kinds, kind);
    if (is_placed) {
        keep_exemplar(inv, kind, &around);
    }
    return add_name(inv, kind, kind->host->name, scanned != NULL ? scanned : kind->host->scanned,
                    err);
}

int inventory_add_text(inventory *inv, const char *text, size_t len, const char *where,
                       cpulift_error **err)
{
    g_autofree char *date = NULL;
    g_autofree char *rest = cut_date(text, &len, &date);
    return add_text(inv, rest != NULL ? rest : text, len, date, where, err);
}

int inventory_demand(inventory *inv, const GPtrArray *names, const char *where, cpulift_error **err)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new();
    for (size_t i = 0; i < names->len; i++) {
        char *name = names->pdata[i];
        if (inventory_find(inv, name) != NULL ||
            g_hash_table_contains(inv->private->left_out, name)) {
            continue;
        }
        if (is_left_out(inv, name)) {
            g_hash_table_add(inv->private->left_out, g_strdup(name));
        } else {
            g_ptr_array_add(missing, name);
        }
    }
    if (missing->len == 0) {
        return 0;
    }
    g_autofree char *joined =
        text_join_some((const char *const *)missing->pdata, missing->len, NAMES_IN_MESSAGE);
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' lists hosts that no document is of: %s; scan them, or leave "
                             "them out on purpose (--without)",
                             where, joined);
}

static int compare_kinds(const void *a, const void *b)
{
    const struct host_kind *const *ka = a, *const *kb = b;
    return strcmp((*ka)->names->pdata[0], (*kb)->names->pdata[0]);
}

void inventory_sort(inventory *inv)
{
    for (size_t i = inv->kinds->len; i > 0; i--) {
        struct host_kind *kind = inv->kinds->pdata[i - 1];
        if (kind->names->len == 0) {
            g_ptr_array_remove_index(inv->kinds, (guint)i - 1);
        } else {
            g_ptr_array_sort(kind->names, text_compare);
        }
    }
    g_ptr_array_sort(inv->kinds, compare_kinds);
    g_hash_table_remove_all(inv->private->exemplars);
}

const struct host_kind *inventory_find(const inventory *inv, const char *name)
{
    return g_hash_table_lookup(inv->private->names, name);
}
