// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/rollback.h"

#include "base/json.h"
#include "platform/journal_folder.h"
#include "platform/undo.h"

#include <string.h>

/// What one file becomes.
struct step {
    const struct change *change;
    struct root_file now, then;
    const char *how;
    cpulift_error *why; ///< it is left as it is, for this reason; else NULL
};

static void step_free(void *data)
{
    struct step *step = data;
    root_file_clear(&step->now);
    root_file_clear(&step->then);
    cpulift_error_clear(&step->why);
    g_free(step);
}

void journal_record_free(void *data)
{
    struct journal_record *record = data;
    g_free(record->target);
    root_file_clear(&record->file);
    changeset_free(record->set);
    g_free(record);
}

/// The newest step for the same target, or NULL.
static const struct step *find_step(const GPtrArray *steps, const char *target)
{
    for (size_t i = steps->len; i-- > 0;) {
        const struct step *step = g_ptr_array_index(steps, i);
        if (strcmp(step->change->target, target) == 0) {
            return step;
        }
    }
    return NULL;
}

/// Whether the file is as one of the `count` oldest records found it: somebody put it back further
/// than the record at hand would.
static bool is_further_back(const GPtrArray *records, size_t count, const char *target,
                            const struct root_file *now)
{
    for (size_t i = 0; i < count; i++) {
        const struct journal_record *record = g_ptr_array_index(records, i);
        for (size_t c = 0; c < record->set->changes->len; c++) {
            const struct change *change = g_ptr_array_index(record->set->changes, c);
            if (strcmp(change->target, target) == 0 && root_file_same_bytes(now, &change->before)) {
                return true;
            }
        }
    }
    return false;
}

/// Decides of one change of records[at]. A file that several records touched is taken back through
/// each of them in turn: where nothing is written, the last of `steps` says how it would be.
static int plan_step(const struct change *change, const GPtrArray *records, size_t at,
                     const root_dir *root, GPtrArray *steps, cpulift_error **err)
{
    const struct step *earlier = find_step(steps, change->target);
    struct step *step = g_new0(struct step, 1);
    step->change = change;
    g_ptr_array_add(steps, step);
    if (earlier != NULL) {
        step->now = root_file_copy(&earlier->then);
    } else {
        TRY(root_load(root, change->target, &step->now, err));
    }
    if (undo_compute(change, &step->now, &step->then, &step->how, &step->why) != 0) {
        step->then = root_file_copy(&step->now);
        if (is_further_back(records, at, change->target, &step->now)) {
            cpulift_error_clear(&step->why);
            step->how = "unchanged";
        }
    }
    return 0;
}

static void tell(const struct step *step, GPtrArray *actions, GString *diff)
{
    const char *target = step->change->target;
    g_ptr_array_add(actions, step->why != NULL ? g_strdup_printf("/%s: left as it is", target)
                                               : g_strdup_printf("/%s: %s", target, step->how));
    if (diff != NULL) {
        change_append_diff(diff, target, &step->now, &step->then);
    }
}

static int carry_out(const struct step *step, const root_dir *root, cpulift_error **err)
{
    root_discard_all(root, step->change->target);
    return root_file_equal(&step->now, &step->then)
               ? 0
               : root_replace(root, step->change->target, &step->then, &step->now, err);
}

/// Keeps of a record what was left of it. One of which nothing was left is forgotten, unless it
/// made the journal's folders, which others that `are_kept` stand in.
static int forget(const struct journal_record *record, const root_dir *root, bool are_kept,
                  GPtrArray *left, cpulift_error **err)
{
    const GPtrArray *folders = record->set->folders;
    bool is_base = are_kept && g_ptr_array_find_with_equal_func((GPtrArray *)folders,
                                                                JOURNAL_FOLDER, g_str_equal, NULL);
    if (left->len == 0 && !is_base) {
        return journal_folder_forget(root, record->target, &record->file, folders, err);
    }
    if (left->len == record->set->changes->len) {
        return 0;
    }
    changeset rest = *record->set;
    rest.changes = left;
    g_autoptr(json_t) json = changeset_to_json(&rest);
    g_auto(root_file) file = root_file_new_private(json_format_document(json));
    return root_replace(root, record->target, &file, &record->file, err);
}

/// `steps` are of this record and those before it; `left` gets what was left of it.
static int undo_record(const GPtrArray *records, size_t at, const root_dir *root, bool is_dry,
                       GPtrArray *steps, GPtrArray *left, cpulift_error **err)
{
    const struct journal_record *record = g_ptr_array_index(records, at);
    for (size_t i = record->set->changes->len; i-- > 0;) {
        struct change *change = g_ptr_array_index(record->set->changes, i);
        TRY(plan_step(change, records, at, root, steps, err));
        const struct step *step = g_ptr_array_index(steps, steps->len - 1);
        if (step->why != NULL) {
            g_ptr_array_insert(left, 0, change);
        }
        TRY(is_dry ? 0 : carry_out(step, root, err));
    }
    return 0;
}

static int tell_left(const GPtrArray *steps, cpulift_error **err)
{
    unsigned count = 0;
    const cpulift_error *first = NULL;
    for (size_t i = 0; i < steps->len; i++) {
        const struct step *step = g_ptr_array_index(steps, i);
        count += step->why != NULL;
        first = first != NULL ? first : step->why;
    }
    return count == 0   ? 0
           : count == 1 ? cpulift_error_set(err, CPULIFT_ECONFLICT, "%s", first->message)
                        : cpulift_error_set(err, CPULIFT_ECONFLICT, "%s; so are %u more",
                                            first->message, count - 1);
}

int rollback_records(const GPtrArray *records, size_t keep, const root_dir *root, bool is_dry,
                     GPtrArray *actions, GString *diff, cpulift_error **err)
{
    g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(step_free);
    bool are_kept = keep > 0;
    for (size_t i = records->len; i-- > keep;) {
        g_autoptr(GPtrArray) left = g_ptr_array_new();
        size_t first = steps->len;
        TRY(undo_record(records, i, root, is_dry, steps, left, err));
        for (size_t s = first; s < steps->len; s++) {
            tell(g_ptr_array_index(steps, s), actions, diff);
        }
        TRY(is_dry ? 0 : forget(g_ptr_array_index(records, i), root, are_kept, left, err));
        are_kept |= left->len > 0;
    }
    return tell_left(steps, err);
}
