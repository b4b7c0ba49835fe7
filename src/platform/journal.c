// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/journal.h"

#include "base/auto.h"
#include "base/json.h"
#include "base/text.h"
#include "platform/step.h"
#include "platform/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SUFFIX_DONE    ".json"
#define SUFFIX_PENDING ".pending"

static const struct root_file absent;

/// One journalled changeset and the file that holds it.
struct entry {
    char *target;
    struct root_file file;
    changeset *set;
};

static void entry_free(void *data)
{
    struct entry *entry = data;
    g_free(entry->target);
    root_file_clear(&entry->file);
    changeset_free(entry->set);
    g_free(entry);
}

/// Holds off other cpulifts while the descriptor is open; the state folder itself is the lock, so
/// that no lock file is left behind.
static int lock(const root_dir *root, int *ret_fd, cpulift_error **err)
{
    autoclose int fd = -1;
    TRY(root_open_folder(root, JOURNAL_STATE_FOLDER, &fd, err));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return cpulift_error_set(err, CPULIFT_ECONFLICT,
                                 "another cpulift is at work on '%s/': wait for it to end",
                                 root->path);
    }
    *ret_fd = auto_steal(&fd);
    return 0;
}

static bool is_record(const char *name)
{
    return g_str_has_suffix(name, SUFFIX_DONE) || g_str_has_suffix(name, SUFFIX_PENDING);
}

static int load_record(const root_dir *root, const char *name, GPtrArray *records,
                       cpulift_error **err)
{
    struct entry *entry = g_new0(struct entry, 1);
    g_ptr_array_add(records, entry);
    entry->target = g_strdup_printf(JOURNAL_FOLDER "/%s", name);
    g_autoptr(json_t) json = NULL;
    TRY(root_load(root, entry->target, &entry->file, err));
    TRY(json_parse_text(entry->file.bytes, entry->file.len, entry->target, &json, err));
    return changeset_from_json(json, entry->target, &entry->set, err);
}

/// All records, oldest first.
static int load_records(const root_dir *root, GPtrArray **ret_records, cpulift_error **err)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func(entry_free);
    g_auto(GStrv) names = root_list(root, JOURNAL_FOLDER);
    for (char **name = names; *name != NULL; name++) {
        TRY(is_record(*name) ? load_record(root, *name, records, err) : 0);
    }
    *ret_records = g_steal_pointer(&records);
    return 0;
}

int journal_load(const root_dir *root, GPtrArray **ret_sets, cpulift_error **err)
{
    g_autoptr(GPtrArray) records = NULL;
    TRY(load_records(root, &records, err));
    GPtrArray *sets = g_ptr_array_new_with_free_func((GDestroyNotify)changeset_free);
    for (size_t i = 0; i < records->len; i++) {
        struct entry *entry = g_ptr_array_index(records, i);
        g_ptr_array_add(sets, g_steal_pointer(&entry->set));
    }
    *ret_sets = sets;
    return 0;
}

bool journal_is_pending(const root_dir *root)
{
    g_auto(GStrv) names = root_list(root, JOURNAL_FOLDER);
    for (char **name = names; *name != NULL; name++) {
        if (g_str_has_suffix(*name, SUFFIX_PENDING)) {
            return true;
        }
    }
    return false;
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

/// The state folders are for root alone: the journal holds whole files, secrets among them.
/// var/lib/cpulift itself may be entered, for the trace of the hooks.
static int make_folders(const changeset *set, const root_dir *root, bool is_state,
                        cpulift_error **err)
{
    for (size_t i = 0; i < set->folders->len; i++) {
        const char *folder = g_ptr_array_index(set->folders, i);
        mode_t mode = strcmp(folder, JOURNAL_FOLDER) == 0 ? 0700 : 0755;
        if (g_str_has_prefix(JOURNAL_FOLDER, folder) == is_state) {
            TRY(root_make_folder(root, folder, mode, err));
        }
    }
    return 0;
}

/// Removes the folders that were made for the set, as far as they are empty: innermost first, and
/// those of the journal, which stand at the beginning, last.
static void remove_folders(const changeset *set, const root_dir *root)
{
    for (size_t i = set->folders->len; i-- > 0;) {
        root_remove_folder(root, g_ptr_array_index(set->folders, i));
    }
}

static char *next_name(const root_dir *root)
{
    guint64 last = 0;
    g_auto(GStrv) names = root_list(root, JOURNAL_FOLDER);
    for (char **name = names; *name != NULL; name++) {
        last = MAX(last, is_record(*name) ? g_ascii_strtoull(*name, NULL, 10) : 0);
    }
    return g_strdup_printf(JOURNAL_FOLDER "/%06" G_GUINT64_FORMAT, last + 1);
}

static int write_record(const changeset *set, const root_dir *root, const char *target,
                        struct root_file *ret_file, cpulift_error **err)
{
    g_autoptr(json_t) json = changeset_to_json(set);
    *ret_file = root_file_new_private(json_format_document(json));
    return root_replace(root, target, ret_file, &absent, err);
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
    TRY(make_folders(set, root, false, err));
    int rc = stage_all(set, root, temporaries, err);
    if (rc != 0 || (rc = commit_all(set, root, temporaries, err)) != 0) {
        discard_staged(set, root, temporaries);
    }
    return rc;
}

/// What one file must become, decided before the first is written.
struct plan_step {
    const struct change *change;
    struct root_file now, then;
    const char *how;
};

static void plan_step_free(void *data)
{
    struct plan_step *step = data;
    root_file_clear(&step->now);
    root_file_clear(&step->then);
    g_free(step);
}

/// The newest step for the same target, or NULL: a file that several changesets touched is taken
/// back through each of them in turn.
static const struct plan_step *find_step(const GPtrArray *steps, const char *target)
{
    for (size_t i = steps->len; i-- > 0;) {
        const struct plan_step *step = g_ptr_array_index(steps, i);
        if (strcmp(step->change->target, target) == 0) {
            return step;
        }
    }
    return NULL;
}

static int plan_undo(const changeset *set, const root_dir *root, GPtrArray *steps,
                     cpulift_error **err)
{
    for (size_t i = set->changes->len; i-- > 0;) {
        const struct change *change = g_ptr_array_index(set->changes, i);
        const struct plan_step *earlier = find_step(steps, change->target);
        struct plan_step *step = g_new0(struct plan_step, 1);
        step->change = change;
        g_ptr_array_add(steps, step);
        if (earlier != NULL) {
            step->now = root_file_copy(&earlier->then);
        } else {
            TRY(root_load(root, change->target, &step->now, err));
        }
        TRY(undo_compute(change, &step->now, &step->then, &step->how, err));
    }
    return 0;
}

static int carry_out(const GPtrArray *steps, const root_dir *root, cpulift_error **err)
{
    for (size_t i = 0; i < steps->len; i++) {
        const struct plan_step *step = g_ptr_array_index(steps, i);
        root_discard_all(root, step->change->target);
        if (!root_file_equal(&step->now, &step->then)) {
            TRY(root_replace(root, step->change->target, &step->then, &step->now, err));
        }
    }
    return 0;
}

static int forget(const GPtrArray *records, const root_dir *root, cpulift_error **err)
{
    for (size_t i = records->len; i-- > 0;) {
        const struct entry *entry = g_ptr_array_index(records, i);
        root_discard_all(root, entry->target);
        TRY(root_replace(root, entry->target, &absent, &entry->file, err));
        remove_folders(entry->set, root);
    }
    return 0;
}

/// What an apply that was killed before its journal stood leaves: its half-written record and the
/// empty folders of the journal.
static void sweep(const root_dir *root)
{
    root_discard_all(root, JOURNAL_FOLDER "/x");
    root_remove_folder(root, JOURNAL_FOLDER);
    root_remove_folder(root, JOURNAL_STATE_FOLDER);
}

static int rollback_records(const GPtrArray *records, const root_dir *root, bool is_dry,
                            GPtrArray *actions, GString *diff, cpulift_error **err)
{
    g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(plan_step_free);
    for (size_t i = records->len; i-- > 0;) {
        const struct entry *entry = g_ptr_array_index(records, i);
        TRY(plan_undo(entry->set, root, steps, err));
    }
    for (size_t i = 0; i < steps->len; i++) {
        const struct plan_step *step = g_ptr_array_index(steps, i);
        g_ptr_array_add(actions, g_strdup_printf("/%s: %s", step->change->target, step->how));
        if (diff != NULL) {
            change_append_diff(diff, step->change->target, &step->now, &step->then);
        }
    }
    if (is_dry) {
        return 0;
    }
    TRY(carry_out(steps, root, err));
    return forget(records, root, err);
}

int journal_rollback(const root_dir *root, bool is_dry, GPtrArray **ret_actions, GString *diff,
                     cpulift_error **err)
{
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func(g_free);
    if (root_has(root, JOURNAL_STATE_FOLDER)) {
        autoclose int held = -1;
        g_autoptr(GPtrArray) records = NULL;
        TRY(lock(root, &held, err));
        TRY(load_records(root, &records, err));
        TRY(rollback_records(records, root, is_dry, actions, diff, err));
        if (records->len == 0 && !is_dry) {
            sweep(root);
        }
    }
    if (ret_actions != NULL) {
        *ret_actions = g_steal_pointer(&actions);
    }
    return 0;
}

/// Takes back what was done of a set whose apply failed; its error is the one that is reported.
static void take_back(changeset *set, const root_dir *root, const char *pending,
                      const struct root_file *file)
{
    g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(plan_step_free);
    if (plan_undo(set, root, steps, NULL) == 0 && carry_out(steps, root, NULL) == 0) {
        (void)root_replace(root, pending, &absent, file, NULL);
        remove_folders(set, root);
    }
}

static int finish(const root_dir *root, const char *base, const char *pending, cpulift_error **err)
{
    g_autofree char *name = g_path_get_basename(pending);
    g_autofree char *done = g_strconcat(base, SUFFIX_DONE, NULL);
    return root_commit(root, done, name, &absent, err);
}

static int apply_locked(changeset *set, const root_dir *root, cpulift_error **err)
{
    TRY(check_before(set, root, err));
    g_autofree char *base = next_name(root);
    g_autofree char *pending = g_strconcat(base, SUFFIX_PENDING, NULL);
    g_auto(root_file) file = {0};
    root_discard_all(root, pending);
    TRY(write_record(set, root, pending, &file, err));
    int rc = make_changes(set, root, err);
    if (rc != 0) {
        take_back(set, root, pending, &file);
        return rc;
    }
    return finish(root, base, pending, err);
}

/// Undoes what a killed run began, so that `before` means the state before that run.
static int recover(const root_dir *root, cpulift_error **err)
{
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func(g_free);
    TRY(load_records(root, &records, err));
    for (size_t i = records->len; i-- > 0;) {
        const struct entry *entry = g_ptr_array_index(records, i);
        if (!g_str_has_suffix(entry->target, SUFFIX_PENDING)) {
            g_ptr_array_remove_index(records, (guint)i);
        }
    }
    return rollback_records(records, root, false, actions, NULL, err);
}

int journal_recover(const root_dir *root, cpulift_error **err)
{
    if (!root_has(root, JOURNAL_FOLDER)) {
        return 0;
    }
    autoclose int held = -1;
    TRY(lock(root, &held, err));
    return recover(root, err);
}

int changeset_apply(changeset *set, const root_dir *root, cpulift_error **err)
{
    if (set->changes->len == 0) {
        return 0;
    }
    g_ptr_array_set_size(set->folders, 0);
    TRY(find_folders(set, root, err));
    TRY(make_folders(set, root, true, err));
    autoclose int held = -1;
    int rc = lock(root, &held, err);
    if (rc != 0 || (rc = apply_locked(set, root, err)) != 0) {
        remove_folders(set, root);
    }
    return rc;
}
