// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/inventory.h"

#include "base/date.h"
#include "base/text.h"
#include "core/likeness.h"

#include <fnmatch.h>
#include <string.h>

#define NAMES_IN_MESSAGE 5

/// What a document of a kind looks like around the name; owns its texts.
struct exemplar {
    struct likeness like; ///< first: the key of the set
    struct host_kind *kind;
};

struct inventory_private {
    GHashTable *exemplars; ///< struct exemplar *, a set
    GHashTable *names;     ///< name → struct host_kind *; borrows the names of the kinds
    GHashTable *sizes;     ///< name → struct host_size *, where it is known; borrows the names
    GHashTable *without;   ///< pattern → seen?
    GHashTable *left_out;  ///< names of the hosts that were left out, a set
    GString *rest;         ///< of a document without its date
    bool keeps_answered;   ///< a pattern leaves out only who did not answer
    bool is_aged; ///< a document older than `oldest`, without a date or of the future, is refused
    gint64 oldest, newest; ///< seconds since 1970
};

static void kind_free(void *data)
{
    struct host_kind *kind = data;
    host_free(kind->is_borrowed ? NULL : kind->host);
    g_ptr_array_unref(kind->names);
    g_free(kind);
}

static void exemplar_free(void *data)
{
    struct exemplar *exemplar = data;
    g_free((char *)exemplar->like.before);
    g_free((char *)exemplar->like.after);
    g_free(exemplar);
}

inventory *inventory_new(const catalog *map)
{
    inventory *inv = g_new0(inventory, 1);
    inv->map = map;
    inv->kinds = g_ptr_array_new_with_free_func(kind_free);
    inv->private = g_new0(struct inventory_private, 1);
    inv->private->exemplars =
        g_hash_table_new_full(likeness_hash, likeness_equal, exemplar_free, NULL);
    inv->private->rest = g_string_new(NULL);
    inv->private->names = g_hash_table_new(g_str_hash, g_str_equal);
    inv->private->sizes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    inv->private->without = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    inv->private->left_out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return inv;
}

void inventory_free(inventory *inv)
{
    if (inv != NULL) {
        g_hash_table_unref(inv->private->exemplars);
        g_hash_table_unref(inv->private->names);
        g_hash_table_unref(inv->private->sizes);
        g_hash_table_unref(inv->private->without);
        g_hash_table_unref(inv->private->left_out);
        g_string_free(inv->private->rest, TRUE);
        g_free(inv->private);
        g_ptr_array_unref(inv->kinds);
        g_free(inv);
    }
}

void inventory_keep_answered(inventory *inv)
{
    inv->private->keeps_answered = true;
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
    gint64 date = 0;
    if (scanned != NULL && !date_parse(scanned, &date)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "host '%s': \"scanned\" is no date in UTC ('%s')", name, scanned);
    }
    bool is_future = inv->private->is_aged && date > inv->private->newest;
    if (!inv->private->is_aged || (scanned != NULL && date >= inv->private->oldest && !is_future)) {
        return 0;
    }
    if (is_future) {
        return cpulift_error_set(
            err, CPULIFT_EREFUSED,
            "host '%s' was scanned at %s, which is yet to come: its age, which "
            "--max-age limits, is not known; set the clocks and scan it again",
            name, scanned);
    }
    return cpulift_error_set(
        err, CPULIFT_EREFUSED,
        "host '%s' was scanned %s%s, and --max-age allows nothing older than its limit; scan it "
        "again",
        name, scanned != NULL ? "at " : "at a time that its document does not say",
        scanned != NULL ? scanned : "");
}

/// Adds a host's name, which it takes, to its kind, unless it is left out.
static int add_name(inventory *inv, struct host_kind *kind, char *taken, const char *scanned,
                    struct host_size size, cpulift_error **err)
{
    g_autofree char *name = taken;
    if (!inv->private->keeps_answered && is_left_out(inv, name)) {
        g_hash_table_add(inv->private->left_out, g_steal_pointer(&name));
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
    g_hash_table_insert(inv->private->names, name, kind);
    if (size.memory != 0 || size.cpus != 0) {
        g_hash_table_insert(inv->private->sizes, name, g_memdup2(&size, sizeof size));
    }
    g_ptr_array_add(kind->names, g_steal_pointer(&name));
    inv->host_count++;
    return 0;
}

static bool has_size(const struct likeness *like)
{
    return like->size.memory != 0 || like->size.cpus != 0;
}

/// Adds a host whose like was seen before; *ret_is_known false: there is none. Size and date that
/// stand elsewhere than in documents of ours were compared with all else: they are the exemplar's.
static int add_known(inventory *inv, const struct likeness *like, bool *ret_is_known,
                     cpulift_error **err)
{
    const struct exemplar *known = g_hash_table_lookup(inv->private->exemplars, like);
    g_autofree char *name = known != NULL ? g_strndup(like->name, like->name_len) : NULL;
    *ret_is_known = name != NULL && text_is_name(name);
    if (!*ret_is_known) {
        return 0;
    }
    bool is_size_alike = !has_size(like) && !has_size(&known->like);
    bool is_date_alike = like->date == NULL && known->like.date == NULL;
    g_autofree char *date = like->date != NULL
                                ? g_strndup(like->date, like->date_len)
                                : g_strdup(is_date_alike ? known->kind->host->scanned : NULL);
    struct host_size size = is_size_alike ? known->kind->host->size : like->size;
    return add_name(inv, known->kind, g_steal_pointer(&name), date, size, err);
}

/// Keeps what the text is like as its kind's exemplar, if the name that the parser found stands at
/// that place.
static void keep_exemplar(inventory *inv, struct host_kind *kind, const struct likeness *like)
{
    const char *name = kind->host->name;
    if (strlen(name) == like->name_len && memcmp(like->name, name, like->name_len) == 0) {
        struct exemplar *exemplar = g_new0(struct exemplar, 1);
        *exemplar = (struct exemplar){*like, kind};
        exemplar->like.before = g_memdup2(like->before, like->before_len);
        exemplar->like.after = g_memdup2(like->after, like->after_len);
        g_hash_table_add(inv->private->exemplars, exemplar);
    }
}

void inventory_set_ages(inventory *inv, gint64 oldest, gint64 newest)
{
    inv->private->is_aged = true;
    inv->private->oldest = oldest;
    inv->private->newest = newest;
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

/// Adds a host whose like was not seen before.
static int add_new(inventory *inv, const char *text, size_t len, const char *where,
                   const struct likeness *like, cpulift_error **err)
{
    g_autoptr(cpulift_host) host = NULL;
    TRY(host_parse(text, len, where, inv->map, &host, err));
    struct host_kind *kind = g_new0(struct host_kind, 1);
    kind->host = g_steal_pointer(&host);
    kind->names = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(inv->kinds, kind);
    if (like != NULL && likeness_is_certain(like)) {
        keep_exemplar(inv, kind, like);
    }
    return add_name(inv, kind, g_strdup(kind->host->name), kind->host->scanned, kind->host->size,
                    err);
}

int inventory_add_text(inventory *inv, const char *text, size_t len, const char *where,
                       cpulift_error **err)
{
    struct likeness like;
    bool is_placed = likeness_read(text, len, inv->private->rest, &like);
    bool is_known = false;
    TRY(is_placed ? add_known(inv, &like, &is_known, err) : 0);
    return is_known || is_silent_left_out(inv, text, len)
               ? 0
               : add_new(inv, text, len, where, is_placed ? &like : NULL, err);
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

void inventory_upgrade(inventory *inv, const char *name, cpulift_host *host)
{
    struct host_kind *kind = g_hash_table_lookup(inv->private->names, name);
    host_free(kind->is_borrowed ? NULL : kind->host);
    kind->is_borrowed = false;
    kind->host = host;
}

/// The kind with those of its hosts that are not left out.
static void derive_kind(inventory *inv, const struct host_kind *from, const inventory *of)
{
    struct host_kind *kind = g_new0(struct host_kind, 1);
    *kind = (struct host_kind){from->host, true, g_ptr_array_new_with_free_func(g_free)};
    g_ptr_array_add(inv->kinds, kind);
    for (size_t i = 0; i < from->names->len; i++) {
        const char *name = from->names->pdata[i];
        (void)add_name(inv, kind, g_strdup(name), NULL, inventory_get_size(of, name), NULL);
    }
}

inventory *inventory_derive(const inventory *from)
{
    inventory *inv = inventory_new(from->map);
    GHashTableIter iter;
    void *key, *seen;
    g_hash_table_iter_init(&iter, from->private->without);
    while (g_hash_table_iter_next(&iter, &key, &seen)) {
        g_hash_table_insert(inv->private->without, g_strdup(key), seen);
    }
    g_hash_table_iter_init(&iter, from->private->left_out);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        g_hash_table_add(inv->private->left_out, g_strdup(key));
    }
    for (size_t i = 0; i < from->kinds->len; i++) {
        derive_kind(inv, from->kinds->pdata[i], from);
    }
    inventory_sort(inv);
    return inv;
}

const struct host_kind *inventory_find(const inventory *inv, const char *name)
{
    return g_hash_table_lookup(inv->private->names, name);
}

struct host_size inventory_get_size(const inventory *inv, const char *name)
{
    const struct host_size *size = g_hash_table_lookup(inv->private->sizes, name);
    return size != NULL ? *size : (struct host_size){0};
}
