// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/rollback.h"

#include "base/auto.h"
#include "base/json.h"
#include "platform/gone.h"
#include "platform/journal_folder.h"
#include "platform/undo.h"

#include <string.h>

/// What one target becomes.
struct step {
    const struct change *change;
    struct root_file now, then;
    const char *how;
    char *kept;         ///< where its old content is kept, which cannot be put back; NULL: nowhere
    bool is_known;      ///< its store could say what it is now
    cpulift_error *why; ///< it is left as it is, for this reason; else NULL
};

static void step_free(void *data)
{
    struct step *step = data;
    root_file_clear(&step->now);
    root_file_clear(&step->then);
    g_free(step->kept);
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

/// The newest step for the same target whose state is known, or NULL.
static const struct step *find_step(const GPtrArray *steps, const struct change *change)
{
    for (size_t i = steps->len; i-- > 0;) {
        const struct step *step = g_ptr_array_index(steps, i);
        if (step->is_known && change_is_of_same(step->change, change)) {
            return step;
        }
    }
    return NULL;
}

/// Whether one of the records [first, end) is about the same target, and, where `now` is not NULL,
/// found it so.
static bool has_earlier(const GPtrArray *records, size_t first, size_t end,
                        const struct change *sought, const struct root_file *now)
{
    for (size_t i = first; i < end; i++) {
        const struct journal_record *record = g_ptr_array_index(records, i);
        for (size_t c = 0; c < record->set->changes->len; c++) {
            const struct change *change = g_ptr_array_index(record->set->changes, c);
            if (change_is_of_same(change, sought) &&
                (now == NULL || root_file_same_bytes(now, &change->before))) {
                return true;
            }
        }
    }
    return false;
}

/// True where a file was there before us and now is not, nor, perhaps, its folder: nothing of ours
/// is left in it, and whoever took it away does not want it back.
static bool is_gone(const struct step *step, const root_dir *root)
{
    const struct change *change = step->change;
    g_autoptr(GPtrArray) missing = g_ptr_array_new_with_free_func(g_free);
    return change->store == NULL && change->before.exists && !step->now.exists &&
           (!step->then.exists ||
            (root_find_missing(root, change->target, missing, NULL) == 0 && missing->len > 0));
}

/// What a file that is gone was at first is kept: by the oldest record that is undone.
static void leave_gone(struct step *step, const GPtrArray *records, size_t at, size_t keep,
                       const root_dir *root)
{
    const struct change *change = step->change;
    root_file_clear(&step->then);
    step->how = "no longer there";
    if (has_earlier(records, 0, at, change, &step->now)) {
        step->how = "unchanged";
    } else if (!has_earlier(records, keep, at, change, NULL)) {
        step->kept = gone_find_place(root, change->target, &change->before);
    }
}

static int load(const struct change *change, struct stores *stores, struct root_file *ret_file,
                cpulift_error **err)
{
    const struct store *store = NULL;
    TRY(stores_get(stores, change->store, &store, err));
    return store->load(store, change->target, ret_file, err);
}

/// Decides of one change of records[at]. A target that several records touched is taken back
/// through each of them in turn: where nothing is written, the last of `steps` says how it would
/// be. What its store cannot say is left.
static struct step *plan_step(const struct change *change, const GPtrArray *records, size_t at,
                              size_t keep, struct stores *stores, const GPtrArray *steps)
{
    const struct step *earlier = find_step(steps, change);
    struct step *step = g_new0(struct step, 1);
    step->change = change;
    if (earlier != NULL) {
        step->now = root_file_copy(&earlier->then);
    } else if (load(change, stores, &step->now, &step->why) != 0) {
        return step;
    }
    step->is_known = true;
    if (undo_compute(change, &step->now, &step->then, &step->how, &step->why) != 0) {
        step->then = root_file_copy(&step->now);
        // Somebody put it back further than this record would.
        if (has_earlier(records, 0, at, change, &step->now)) {
            cpulift_error_clear(&step->why);
            step->how = "unchanged";
        }
    } else if (is_gone(step, stores->root)) {
        leave_gone(step, records, at, keep, stores->root);
    }
    return step;
}

static void tell(const struct step *step, GPtrArray *actions, GString *diff)
{
    g_autofree char *label = change_get_label(step->change);
    g_autofree char *kept = step->kept != NULL
                                ? g_strdup_printf(" (what it was is kept as /%s)", step->kept)
                                : g_strdup("");
    g_ptr_array_add(actions,
                    step->why != NULL
                        ? g_strdup_printf("%s: left as it is: %s", label, step->why->message)
                        : g_strdup_printf("%s: %s%s", label, step->how, kept));
    if (diff != NULL) {
        change_append_diff(diff, step->change, &step->now, &step->then);
    }
}

static int replace(const struct step *step, struct stores *stores, cpulift_error **err)
{
    const struct store *store = NULL;
    TRY(stores_get(stores, step->change->store, &store, err));
    if (store->discard != NULL) {
        store->discard(store, step->change->target, NULL);
    }
    if (step->kept != NULL) {
        return gone_keep(stores->root, step->kept, &step->change->before, err);
    }
    return root_file_equal(&step->now, &step->then)
               ? 0
               : store->replace(store, step->change->target, &step->then, &step->now, NULL, err);
}

/// What cannot be written is left, too.
static void carry_out(struct step *step, struct stores *stores)
{
    if (step->is_known && replace(step, stores, &step->why) != 0) {
        root_file_clear(&step->then);
        step->then = root_file_copy(&step->now);
    }
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
static void undo_record(const GPtrArray *records, size_t at, struct stores *stores,
                        const struct rollback_way *way, GPtrArray *steps, GPtrArray *left)
{
    const struct journal_record *record = g_ptr_array_index(records, at);
    for (size_t i = record->set->changes->len; i-- > 0;) {
        struct change *change = g_ptr_array_index(record->set->changes, i);
        if (way->only != NULL && !store_key_equal(change->store, way->only)) {
            g_ptr_array_insert(left, 0, change);
            continue;
        }
        struct step *step = plan_step(change, records, at, way->keep, stores, steps);
        g_ptr_array_add(steps, step);
        if (!way->is_dry) {
            carry_out(step, stores);
        }
        if (step->why != NULL) {
            g_ptr_array_insert(left, 0, change);
        }
    }
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
           : count == 1 ? cpulift_error_set(err, first->code, "%s", first->message)
                        : cpulift_error_set(err, first->code, "%s; so are %u more", first->message,
                                            count - 1);
}

int rollback_records(const GPtrArray *records, struct stores *stores,
                     const struct rollback_way *way, GPtrArray *actions, GString *diff,
                     cpulift_error **err)
{
    g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(step_free);
    bool are_kept = way->keep > 0;
    for (size_t i = records->len; i-- > way->keep;) {
        g_autoptr(GPtrArray) left = g_ptr_array_new();
        size_t first = steps->len;
        undo_record(records, i, stores, way, steps, left);
        for (size_t s = first; s < steps->len; s++) {
            tell(g_ptr_array_index(steps, s), actions, diff);
        }
        TRY(way->is_dry ? 0
                        : forget(g_ptr_array_index(records, i), stores->root, are_kept, left, err));
        are_kept |= left->len > 0;
    }
    return tell_left(steps, err);
}
