// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/journal.h"

#include "base/auto.h"
#include "base/json.h"
#include "core/compare.h"
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
    struct journal_record *record = g_new0(struct journal_record, 1);
    g_ptr_array_add(records, record);
    record->target = g_strdup_printf(JOURNAL_FOLDER "/%s", name);
    g_autoptr(json_t) json = NULL;
    TRY(root_load(root, record->target, &record->file, err));
    TRY(json_parse_text(record->file.bytes, record->file.len, record->target, &json, err));
    return changeset_from_json(json, record->target, &record->set, err);
}

/// All records, oldest first.
static int load_records(const root_dir *root, GPtrArray **ret_records, cpulift_error **err)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func(journal_record_free);
    g_auto(GStrv) names = NULL;
    TRY(root_list(root, JOURNAL_FOLDER, &names, err));
    for (char **name = names; *name != NULL; name++) {
        TRY(is_record(*name) ? load_record(root, *name, records, err) : 0);
    }
    *ret_records = g_steal_pointer(&records);
    return 0;
}

/// Locks the journal and reads its records. Those of one that another began after we found none
/// are not ours to undo: it is at work on them.
static int load_held(const root_dir *root, int *ret_fd, GPtrArray **ret_records,
                     cpulift_error **err)
{
    TRY(journal_folder_lock(root, ret_fd, err));
    TRY(load_records(root, ret_records, err));
    return *ret_fd >= 0 || (*ret_records)->len == 0 ? 0 : root_refuse_other(root, err);
}

int journal_load(const root_dir *root, GPtrArray **ret_sets, cpulift_error **err)
{
    g_autoptr(GPtrArray) records = NULL;
    TRY(load_records(root, &records, err));
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

static int check_before(const changeset *set, const root_dir *root, cpulift_error **err)
{
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        g_auto(root_file) now = {0};
        TRY(root_load(root, change->target, &now, err));
        if (!root_file_equal(&now, &change->before)) {
            return cpulift_error_set(err, CPULIFT_ECONFLICT,
                                     "'%s/%s' changed since it was read: nothing was changed; run "
                                     "the command again",
                                     root->path, change->target);
        }
    }
    return 0;
}

static int find_folders(changeset *set, const root_dir *root, cpulift_error **err)
{
    TRY(root_find_missing(root, JOURNAL_FOLDER "/x", set->folders, err));
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        TRY(root_find_missing(root, change->target, set->folders, err));
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

/// Writes every new file beside its target: a full disk shows here, before anything changed.
static int stage_all(const changeset *set, const root_dir *root, GPtrArray *temporaries,
                     cpulift_error **err)
{
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        char *temporary = NULL;
        TRY(change->after.exists ? root_stage(root, change->target, &change->after, &temporary, err)
                                 : 0);
        g_ptr_array_add(temporaries, temporary);
    }
    return 0;
}

static void discard_staged(const changeset *set, const root_dir *root, const GPtrArray *temporaries)
{
    for (size_t i = 0; i < temporaries->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        const char *temporary = g_ptr_array_index(temporaries, i);
        if (temporary != NULL) {
            root_discard(root, change->target, temporary);
        }
    }
}

static int commit_all(const changeset *set, const root_dir *root, const GPtrArray *temporaries,
                      cpulift_error **err)
{
    for (size_t i = 0; i < set->changes->len; i++) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        TRY(change->after.exists
                ? root_commit(root, change->target, g_ptr_array_index(temporaries, i),
                              &change->before, err)
                : root_replace(root, change->target, &change->after, &change->before, err));
    }
    return 0;
}

static int make_changes(const changeset *set, const root_dir *root, cpulift_error **err)
{
    g_autoptr(GPtrArray) temporaries = g_ptr_array_new_with_free_func(g_free);
    TRY(make_folders(set, root, err));
    int rc = stage_all(set, root, temporaries, err);
    if (rc != 0 || (rc = commit_all(set, root, temporaries, err)) != 0) {
        discard_staged(set, root, temporaries);
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

int journal_rollback(const root_dir *root, const struct journal_way *way, GPtrArray **ret_actions,
                     GString *diff, cpulift_error **err)
{
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) records = NULL;
    autoclose int held = -1;
    size_t keep = 0;
    bool is_dry = way != NULL && way->is_dry;
    TRY(load_held(root, &held, &records, err));
    if (way != NULL && way->is_one) {
        keep = records->len > 0 ? records->len - 1 : 0;
    } else if (way != NULL && way->to != NULL) {
        TRY(find_plan(records, way->to, &keep, err));
    }
    int rc = rollback_records(records, keep, root, is_dry, actions, diff, err);
    if (rc == 0 && !is_dry) {
        journal_folder_sweep(root);
    }
    if (ret_actions != NULL) {
        *ret_actions = g_steal_pointer(&actions);
    }
    return rc;
}

static int finish(const root_dir *root, const char *base, const char *pending, cpulift_error **err)
{
    g_autofree char *name = g_path_get_basename(pending);
    g_autofree char *done = g_strconcat(base, SUFFIX_DONE, NULL);
    return root_commit(root, done, name, &absent, err);
}

/// With the record standing. What was done of a set whose apply fails is taken back; its error is
/// the one that is reported.
static int make_changes_or_none(changeset *set, const root_dir *root, const char *base,
                                const struct journal_record *record, cpulift_error **err)
{
    int rc = make_changes(set, root, err);
    if (rc != 0) {
        g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) records = g_ptr_array_new();
        g_ptr_array_add(records, (void *)record);
        (void)rollback_records(records, 0, root, false, actions, NULL, NULL);
        return rc;
    }
    return finish(root, base, record->target, err);
}

/// The journal begins with this set, or goes on with it: `held` is its lock, -1 where there is none
/// yet.
static int apply_locked(changeset *set, const root_dir *root, int held, cpulift_error **err)
{
    g_autofree char *base = NULL;
    TRY(check_before(set, root, err));
    TRY(name_next(root, &base, err));
    g_autofree char *pending = g_strconcat(base, SUFFIX_PENDING, NULL);
    g_autoptr(json_t) json = changeset_to_json(set);
    g_auto(root_file) file = root_file_new_private(json_format_document(json));
    const struct journal_record record = {pending, file, set};
    autoclose int made = -1;
    if (held < 0) {
        TRY(journal_folder_make(root, pending, &file, &made, err));
    } else {
        root_discard_all(root, pending);
        TRY(root_replace(root, pending, &file, &absent, err));
    }
    return make_changes_or_none(set, root, base, &record, err);
}

int journal_recover(const root_dir *root, cpulift_error **err)
{
    autoclose int held = -1;
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func(g_free);
    TRY(load_held(root, &held, &records, err));
    for (size_t i = records->len; i-- > 0;) {
        const struct journal_record *record = g_ptr_array_index(records, i);
        if (!g_str_has_suffix(record->target, SUFFIX_PENDING)) {
            g_ptr_array_remove_index(records, (guint)i);
        }
    }
    return rollback_records(records, 0, root, false, actions, NULL, err);
}

int changeset_apply(changeset *set, const root_dir *root, cpulift_error **err)
{
    if (set->changes->len == 0) {
        return 0;
    }
    autoclose int held = -1;
    TRY(journal_folder_lock(root, &held, err));
    g_ptr_array_set_size(set->folders, 0);
    TRY(find_folders(set, root, err));
    return apply_locked(set, root, held, err);
}
