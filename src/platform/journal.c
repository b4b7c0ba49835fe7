// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/journal.h"

#include "base/auto.h"
#include "base/json.h"
#include "core/compare.h"
#include "platform/domains.h"
#include "platform/rollback.h"

#include <string.h>

#define SUFFIX_DONE    ".json"
#define SUFFIX_PENDING ".pending"

static const struct root_file absent;

static bool is_record(const char *name)
{
    return g_str_has_suffix(name, SUFFIX_DONE) || g_str_has_suffix(name, SUFFIX_PENDING);
}

static int load_record(const root_dir *root, const char *name, GPtrArray *records,
                       cpulift_error **err)
{
    g_autofree char *target = g_strdup_printf(JOURNAL_FOLDER "/%s", name);
    g_auto(root_file) file = {0};
    g_autoptr(json_t) json = NULL;
    TRY(root_load(root, target, &file, err));
    if (!file.exists) {
        return 0; // it was forgotten since it was listed
    }
    TRY(root_file_check_owner(root, target, &file, err));
    struct journal_record *record = g_new0(struct journal_record, 1);
    *record = (struct journal_record){g_steal_pointer(&target), file, NULL};
    file = absent;
    g_ptr_array_add(records, record);
    TRY(json_parse_text(record->file.bytes, record->file.len, record->target, &json, err));
    TRY(changeset_from_json(json, record->target, &record->set, err));
    // Undone in part it would be forgotten whole.
    return record_check_known(&changeset_record, json, record->target, err);
}

/// All records, oldest first.
static int load_records(const root_dir *root, GPtrArray **ret_records, cpulift_error **err)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func(journal_record_free);
    g_auto(GStrv) names = NULL;
    TRY(journal_folder_check_owner(root, err));
    TRY(root_list(root, JOURNAL_FOLDER, &names, err));
    for (char **name = names; *name != NULL; name++) {
        TRY(is_record(*name) ? load_record(root, *name, records, err) : 0);
    }
    *ret_records = g_steal_pointer(&records);
    return 0;
}

/// What an older version kept of definitions, as the newest record.
static int add_kept(const root_dir *root, GPtrArray *records, cpulift_error **err)
{
    g_auto(root_file) file = {0};
    changeset *set = NULL;
    TRY(domains_load(root, &file, &set, err));
    if (set != NULL) {
        struct journal_record *record = g_new(struct journal_record, 1);
        *record = (struct journal_record){g_strdup(DOMAINS_TARGET), file, set};
        file = absent;
        g_ptr_array_add(records, record);
    }
    return 0;
}

static int find_folders(changeset *set, const root_dir *root, cpulift_error **err)
{
    g_ptr_array_set_size(set->folders, 0);
    TRY(root_find_missing(root, JOURNAL_FOLDER "/x", set->folders, err));
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        TRY(change->store == NULL ? root_find_missing(root, change->target, set->folders, err) : 0);
    }
    return 0;
}

static int name_next(const root_dir *root, char **ret_base, cpulift_error **err)
{
    guint64 last = 0;
    g_auto(GStrv) names = NULL;
    TRY(root_list(root, JOURNAL_FOLDER, &names, err));
    for (char **name = names; *name != NULL; name++) {
        last = MAX(last, is_record(*name) ? g_ascii_strtoull(*name, NULL, 10) : 0);
    }
    *ret_base = g_strdup_printf(JOURNAL_FOLDER "/%06" G_GUINT64_FORMAT, last + 1);
    return 0;
}

/// The journal begins with this record, or goes on with it: `*held` is its lock, -1 where there is
/// none yet.
static int write_record(const root_dir *root, const char *target, const struct root_file *file,
                        int *held, cpulift_error **err)
{
    if (*held < 0) {
        return journal_folder_make(root, target, file, held, err);
    }
    root_discard_all(root, target);
    return root_replace(root, target, file, &absent, err);
}

/// Turns what an older version kept of definitions into a record. Killed in between it is there
/// twice, which undoes it once.
static int adopt(const root_dir *root, int *held, cpulift_error **err)
{
    g_auto(root_file) kept = {0};
    g_autoptr(changeset) set = NULL;
    g_autofree char *base = NULL;
    TRY(domains_load(root, &kept, &set, err));
    if (set == NULL) {
        return 0;
    }
    TRY(find_folders(set, root, err));
    TRY(name_next(root, &base, err));
    g_autofree char *target = g_strconcat(base, SUFFIX_DONE, NULL);
    g_auto(root_file) file = {0};
    TRY(changeset_to_file(set, target, &file, err));
    TRY(write_record(root, target, &file, held, err));
    return root_replace(root, DOMAINS_TARGET, &absent, &kept, err);
}

/// Locks the journal and reads its records. Those of one that another began after we found none
/// are not ours to undo: it is at work on them.
static int load_held(const root_dir *root, bool is_dry, int *ret_fd, GPtrArray **ret_records,
                     cpulift_error **err)
{
    TRY(journal_folder_lock(root, ret_fd, err));
    TRY(is_dry ? 0 : adopt(root, ret_fd, err));
    TRY(load_records(root, ret_records, err));
    return *ret_fd >= 0 || (*ret_records)->len == 0 ? add_kept(root, *ret_records, err)
                                                    : root_refuse_other(root, err);
}

int journal_load(const root_dir *root, GPtrArray **ret_sets, cpulift_error **err)
{
    g_autoptr(GPtrArray) records = NULL;
    TRY(load_records(root, &records, err));
    TRY(add_kept(root, records, err));
    GPtrArray *sets = g_ptr_array_new_with_free_func((GDestroyNotify)changeset_free);
    for (size_t i = 0; i < records->len; i++) {
        struct journal_record *record = g_ptr_array_index(records, i);
        g_ptr_array_add(sets, g_steal_pointer(&record->set));
    }
    *ret_sets = sets;
    return 0;
}

int journal_is_pending(const root_dir *root, bool *ret_is, cpulift_error **err)
{
    g_auto(GStrv) names = NULL;
    TRY(root_list(root, JOURNAL_FOLDER, &names, err));
    *ret_is = false;
    for (char **name = names; *name != NULL; name++) {
        *ret_is |= g_str_has_suffix(*name, SUFFIX_PENDING);
    }
    return 0;
}

/// The store of a change.
static int get_store(struct stores *stores, const struct change *change,
                     const struct store **ret_store, cpulift_error **err)
{
    return stores_get(stores, change->store, ret_store, err);
}

static int check_before(const changeset *set, struct stores *stores, cpulift_error **err)
{
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        const struct store *store = NULL;
        g_auto(root_file) now = {0};
        TRY(get_store(stores, change, &store, err));
        if (store->is_each_alone) {
            continue;
        }
        TRY(store->load(store, change->target, &now, err));
        if (!root_file_equal(&now, &change->before)) {
            return cpulift_error_set(err, CPULIFT_ECONFLICT,
                                     "'%s/%s' changed since it was read: nothing was changed; run "
                                     "the command again",
                                     stores->root->path, change->target);
        }
    }
    return 0;
}

/// What the changes need; the journal's own were made with it.
static int make_folders(const changeset *set, const root_dir *root, cpulift_error **err)
{
    for (size_t i = 0; i < set->folders->len; i++) {
        const char *folder = g_ptr_array_index(set->folders, i);
        TRY(g_str_has_prefix(JOURNAL_FOLDER, folder) ? 0
                                                     : root_make_folder(root, folder, 0755, err));
    }
    return 0;
}

/// Writes every new file beside its target: a full disk shows here, before anything changed.
static int stage_all(const changeset *set, struct stores *stores, GPtrArray *staged,
                     cpulift_error **err)
{
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        const struct store *store = NULL;
        char *one = NULL;
        TRY(get_store(stores, change, &store, err));
        TRY(store->stage != NULL ? store->stage(store, change->target, &change->after, &one, err)
                                 : 0);
        g_ptr_array_add(staged, one);
    }
    return 0;
}

static void discard_staged(const changeset *set, struct stores *stores, const GPtrArray *staged)
{
    for (size_t i = 0; i < staged->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        const char *one = g_ptr_array_index(staged, i);
        const struct store *store = NULL;
        if (one != NULL && get_store(stores, change, &store, NULL) == 0) {
            store->discard(store, change->target, one);
        }
    }
}

static int commit_all(const changeset *set, struct stores *stores, const GPtrArray *staged,
                      cpulift_error **err)
{
    for (size_t i = 0; i < set->changes->len; i++) {
        struct change *change = g_ptr_array_index(set->changes, i);
        const struct store *store = NULL;
        TRY(get_store(stores, change, &store, err));
        int rc =
            store->replace(store, change->target, &change->after, &change->before,
                           g_ptr_array_index(staged, i), store->is_each_alone ? &change->why : err);
        TRY(store->is_each_alone ? 0 : rc);
    }
    return 0;
}

static int make_changes(const changeset *set, struct stores *stores, cpulift_error **err)
{
    g_autoptr(GPtrArray) staged = g_ptr_array_new_with_free_func(g_free);
    TRY(make_folders(set, stores->root, err));
    int rc = stage_all(set, stores, staged, err);
    if (rc != 0 || (rc = commit_all(set, stores, staged, err)) != 0) {
        discard_staged(set, stores, staged);
    }
    return rc;
}

static bool is_same_plan(const cpulift_plan *a, const cpulift_plan *b)
{
    g_auto(compare_side) side_a = {0}, side_b = {0};
    compare_take_plan(a, NULL, &side_a);
    compare_take_plan(b, NULL, &side_b);
    g_autoptr(GPtrArray) differences = compare_sides(&side_a, &side_b);
    return differences->len == 0;
}

/// So many of the oldest records stay that the last of them put `to` in force.
static int find_plan(const GPtrArray *records, const cpulift_plan *to, size_t *ret_keep,
                     cpulift_error **err)
{
    g_autoptr(GString) known = g_string_new(NULL);
    for (size_t i = records->len; i-- > 0;) {
        const struct journal_record *record = g_ptr_array_index(records, i);
        g_autoptr(cpulift_plan) plan = changeset_find_plan(record->set);
        bool is_done = g_str_has_suffix(record->target, SUFFIX_DONE);
        if (is_done && plan != NULL && is_same_plan(plan, to)) {
            *ret_keep = i + 1;
            return 0;
        }
        g_autofree char *name = g_path_get_basename(record->target);
        g_string_append_printf(known, "%s%.*s: ", known->len > 0 ? "; " : "",
                               (int)strcspn(name, "."), name);
        if (plan != NULL) {
            g_string_append_printf(known, "pool '%s', %s, model %s, %zu features", plan->pool,
                                   plan->variant, plan->cpu->model, plan->feature_count);
        } else {
            g_string_append(known, "it does not say which");
        }
    }
    return cpulift_error_set(err, CPULIFT_EREFUSED,
                             "no apply that is left here put this plan in force; newest first "
                             "there %s %s: nothing was changed",
                             records->len == 1 ? "is" : "are",
                             records->len > 0 ? known->str : "none");
}

/// The newest record that has anything in this store (NULL: any).
static size_t find_newest(const GPtrArray *records, const store_key *only)
{
    for (size_t i = records->len; i-- > 0;) {
        const struct journal_record *record = g_ptr_array_index(records, i);
        for (size_t c = 0; c < record->set->changes->len; c++) {
            const struct change *change = g_ptr_array_index(record->set->changes, c);
            if (only == NULL || store_key_equal(change->store, only)) {
                return i;
            }
        }
    }
    return 0;
}

int journal_rollback(struct stores *stores, const struct journal_way *way, GPtrArray **ret_actions,
                     GString *diff, cpulift_error **err)
{
    static const struct journal_way whole;
    const struct journal_way *how = way != NULL ? way : &whole;
    const root_dir *root = stores->root;
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) records = NULL;
    autoclose int held = -1;
    struct rollback_way back = {.only = how->only, .is_dry = how->is_dry};
    TRY(load_held(root, how->is_dry, &held, &records, err));
    if (how->is_one) {
        back.keep = find_newest(records, how->only);
    } else if (how->to != NULL) {
        TRY(find_plan(records, how->to, &back.keep, err));
    }
    int rc = rollback_records(records, stores, &back, actions, diff, err);
    if (rc == 0 && !how->is_dry) {
        journal_folder_sweep(root);
    }
    if (ret_actions != NULL) {
        *ret_actions = g_steal_pointer(&actions);
    }
    return rc;
}

/// Takes one record back, quietly.
static int take_back(const struct journal_record *record, struct stores *stores,
                     cpulift_error **err)
{
    static const struct rollback_way whole;
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) records = g_ptr_array_new();
    g_ptr_array_add(records, (void *)record);
    return rollback_records(records, stores, &whole, actions, NULL, err);
}

/// Moves a change that its store does not take from the set to `refused`.
static void drop(changeset *set, guint index, GPtrArray *refused)
{
    struct change *dropped = g_ptr_array_steal_index(set->changes, index);
    if (refused != NULL) {
        g_ptr_array_insert(refused, 0, dropped);
    } else {
        change_free(dropped);
    }
}

/// Drops what a store did not take, where it is as it was. True where there was any.
static bool drop_refused(changeset *set, struct stores *stores, GPtrArray *refused)
{
    guint count = set->changes->len;
    for (guint i = count; i-- > 0;) {
        struct change *change = g_ptr_array_index(set->changes, i);
        const struct store *store = NULL;
        g_auto(root_file) now = {0};
        if (change->why != NULL && get_store(stores, change, &store, NULL) == 0 &&
            store->load(store, change->target, &now, NULL) == 0 &&
            root_file_same_bytes(&now, &change->before)) {
            drop(set, i, refused);
        }
    }
    return set->changes->len < count;
}

/// Why a change that stands alone cannot be made any more: what it was made from is gone.
static void find_stale(struct change *change, const struct store *store)
{
    g_auto(root_file) now = {0};
    if (store->load(store, change->target, &now, &change->why) == 0 &&
        !root_file_same_bytes(&now, &change->before)) {
        (void)cpulift_error_set(&change->why, CPULIFT_ECONFLICT,
                                "the definition of '%s' changed since it was read: run the "
                                "command again",
                                change->guest);
    }
}

/// Drops what another changed before we held the lock: a record that has it would call the
/// other's work ours, and its rollback a conflict.
static int drop_stale(changeset *set, struct stores *stores, GPtrArray *refused,
                      cpulift_error **err)
{
    for (guint i = set->changes->len; i-- > 0;) {
        struct change *change = g_ptr_array_index(set->changes, i);
        const struct store *store = NULL;
        TRY(get_store(stores, change, &store, err));
        if (store->is_each_alone) {
            find_stale(change, store);
        }
        if (change->why != NULL) {
            drop(set, i, refused);
        }
    }
    return 0;
}

/// Of a set of which nothing was done no record is kept.
static int finish(struct journal_record *record, struct stores *stores, const char *base,
                  GPtrArray *refused, cpulift_error **err)
{
    const root_dir *root = stores->root;
    if (drop_refused(record->set, stores, refused)) {
        if (record->set->changes->len == 0) {
            return take_back(record, stores, err);
        }
        g_auto(root_file) rest = {0};
        TRY(changeset_to_file(record->set, record->target, &rest, err));
        TRY(root_replace(root, record->target, &rest, &record->file, err));
    }
    g_autofree char *name = g_path_get_basename(record->target);
    g_autofree char *done = g_strconcat(base, SUFFIX_DONE, NULL);
    return root_commit(root, done, name, &absent, err);
}

/// With the record standing. What was done of a set whose apply fails is taken back; its error is
/// the one that is reported.
static int make_changes_or_none(struct journal_record *record, struct stores *stores,
                                const char *base, GPtrArray *refused, cpulift_error **err)
{
    int rc = make_changes(record->set, stores, err);
    if (rc != 0 || (rc = finish(record, stores, base, refused, err)) != 0) {
        g_autoptr(cpulift_error) left = NULL;
        if (take_back(record, stores, &left) != 0) {
            cpulift_error_prefix(err, rc,
                                 "not all was done, nor could it be taken back (%s; 'cpulift "
                                 "rollback --commit' does it)",
                                 left->message);
        }
    }
    return rc;
}

int journal_recover(struct stores *stores, cpulift_error **err)
{
    static const struct rollback_way whole;
    autoclose int held = -1;
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func(g_free);
    TRY(load_held(stores->root, false, &held, &records, err));
    for (size_t i = records->len; i-- > 0;) {
        const struct journal_record *record = g_ptr_array_index(records, i);
        if (!g_str_has_suffix(record->target, SUFFIX_PENDING)) {
            g_ptr_array_remove_index(records, (guint)i);
        }
    }
    return rollback_records(records, stores, &whole, actions, NULL, err);
}

/// Who began after journal_recover() and was killed before we held the lock left a record that
/// nothing may stand upon.
static int refuse_pending(const root_dir *root, cpulift_error **err)
{
    bool is_pending = false;
    TRY(journal_is_pending(root, &is_pending, err));
    return is_pending ? cpulift_error_set(err, CPULIFT_ECONFLICT,
                                          "another cpulift was killed at work on '%s/' meanwhile: "
                                          "nothing was changed; run the command again",
                                          root->path)
                      : 0;
}

int changeset_apply(changeset *set, struct stores *stores, GPtrArray *refused, cpulift_error **err)
{
    const root_dir *root = stores->root;
    autoclose int held = -1;
    g_autofree char *base = NULL;
    if (set->changes->len == 0) {
        return 0;
    }
    TRY(journal_folder_lock(root, &held, err));
    TRY(refuse_pending(root, err));
    TRY(find_folders(set, root, err));
    TRY(check_before(set, stores, err));
    TRY(drop_stale(set, stores, refused, err));
    if (set->changes->len == 0) {
        return 0;
    }
    TRY(name_next(root, &base, err));
    g_autofree char *pending = g_strconcat(base, SUFFIX_PENDING, NULL);
    g_auto(root_file) file = {0};
    TRY(changeset_to_file(set, pending, &file, err));
    TRY(write_record(root, pending, &file, &held, err));
    struct journal_record record = {pending, file, set};
    return make_changes_or_none(&record, stores, base, refused, err);
}
