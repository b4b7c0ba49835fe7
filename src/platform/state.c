// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/state.h"

#include "base/text.h"
#include "platform/followed.h"
#include "platform/hookcheck.h"
#include "platform/journal.h"
#include "platform/node.h"
#include "platform/platform.h"
#include "platform/undo.h"

#include <string.h>

#define PLAN(member)    RECORD_AT(struct state_plan, member)
#define QEMU(member)    RECORD_AT(struct state_qemu, member)
#define FILES(member)   RECORD_AT(struct state_file, member)
#define SEAL(member)    RECORD_AT(struct state_seal, member)
#define DEFINED(member) RECORD_AT(struct state_definition, member)
#define UNTUNED(member) RECORD_AT(struct state_untuned, member)
#define OTHERS          RECORD_REQUIRED | RECORD_TEXT // what anybody writes into the trace
#define STATE(member)   RECORD_AT(node_state, member)

static const struct record range_record = {
    RECORD_ROWS({"min", &record_version, PLAN(qemu_min)}, {"max", &record_version, PLAN(qemu_max)}),
};

static const struct record installed_record = {
    RECORD_ROWS(
        {"target", &record_string, PLAN(target), RECORD_REQUIRED,
         .meaning = "the file, below the root"},
        {"pool", &record_name, PLAN(pool), RECORD_REQUIRED},
        {"variant", &record_name, PLAN(variant), RECORD_REQUIRED},
        {"virt", &record_name, PLAN(virt), RECORD_REQUIRED},
        {"model", &record_name, PLAN(model), RECORD_REQUIRED},
        {"features", &record_uint, PLAN(features), RECORD_REQUIRED, .meaning = "how many"},
        {"qemu", &record_object, .record = &range_record, .meaning = "the versions of its hosts"}),
    .size = sizeof(struct state_plan),
};

static const struct record seal_record = {
    RECORD_ROWS({"keys", &record_uint, SEAL(keys), RECORD_REQUIRED, .meaning = "how many"},
                {"key", &record_uint, SEAL(key),
                 .meaning = "which of them, from 1 on, sealed the plan; absent: none"}),
    .size = sizeof(struct state_seal),
};

static const struct record qemu_record = {
    RECORD_ROWS({"emulator", &record_string, QEMU(emulator), RECORD_REQUIRED},
                {"applied", &record_string, QEMU(applied), RECORD_REQUIRED,
                 .meaning = "its version when the plan was applied"},
                {"now", &record_string, QEMU(now), RECORD_REQUIRED | RECORD_NULL,
                 .meaning = "null: it is gone, or does not tell"}),
    .size = sizeof(struct state_qemu),
};

RECORD_ITEM(file_record, struct state_file,
            {"platform", &record_name, FILES(platform), RECORD_REQUIRED},
            {"target", &record_string, FILES(target), RECORD_REQUIRED,
             .meaning = "the file, below the root"},
            {"state", &record_string, FILES(state), RECORD_REQUIRED,
             .meaning = "`in force`, or what became of it"})

RECORD_ITEM(definition_record, struct state_definition,
            {"uri", &record_string, DEFINED(uri), RECORD_REQUIRED,
             .meaning = "the libvirt, as it was named when the definition was changed"},
            {"guest", &record_string, DEFINED(guest), RECORD_REQUIRED | RECORD_TEXT},
            {"uuid", &record_string, DEFINED(uuid), RECORD_REQUIRED},
            {"state", &record_string, DEFINED(state), RECORD_REQUIRED,
             .meaning = "of its <cpu>: `in force`, or what became of it"})

RECORD_ITEM(untuned_record, struct state_untuned, {"time", &record_string, UNTUNED(time), OTHERS},
            {"hook", &record_string, UNTUNED(hook), OTHERS},
            {"guest", &record_string, UNTUNED(guest), OTHERS},
            {"why", &record_string, UNTUNED(why), OTHERS})

const struct record state_record = {
    .schema = "cpulift.status/1",
    RECORD_ROWS(
        {"interrupted", &record_bool, STATE(is_interrupted), RECORD_REQUIRED,
         .meaning = "an apply was killed before it ended"},
        {"plan", &record_pointer, STATE(plan), RECORD_REQUIRED | RECORD_NULL,
         .record = &installed_record, .meaning = "that the hooks go by; null: none is installed"},
        {"seal", &record_pointer, STATE(seal), .record = &seal_record,
         .meaning = "the keys of which one must have sealed a plan; absent: no seal is asked for"},
        {"qemu", &record_pointer, STATE(qemu), .record = &qemu_record,
         .meaning = "the node's; absent: apply did not record it"},
        {"files", &record_list, STATE(files), RECORD_REQUIRED, .record = &file_record,
         .meaning = "that cpulift changed"},
        {"definitions", &record_list, STATE(definitions), .record = &definition_record,
         .meaning = "that cpulift changed"},
        {"unasked", &record_array, STATE(unasked), RECORD_ALWAYS | RECORD_TEXT,
         .meaning = "what cannot be read, or which libvirt cannot be asked, and why"},
        {"untuned", &record_list, STATE(untuned), RECORD_REQUIRED, .record = &untuned_record,
         .meaning = "each start of a guest that a hook left alone"},
        {"unjudged", &record_list, STATE(unjudged), .record = &untuned_record,
         .meaning =
             "each guest that the guard let pass because it could not judge it; absent: none"},
        {"stopped", &record_list, STATE(stopped), .record = &untuned_record,
         .meaning =
             "each start of a guest that a strict hook stopped because it failed; absent: none"},
        {"notes", &record_list, STATE(notes), RECORD_REQUIRED, .record = &untuned_record,
         .meaning = "what hooks had to say of guests that they tuned"},
        {"differences", &record_list, STATE(differences), .record = &compare_difference_record,
         .meaning = "with `--plan`: between the installed plan (`a`) and that (`b`)"}),
    .size = sizeof(node_state),
};

void state_free(node_state *state)
{
    record_free(&state_record, state);
}

/// Says, once, why something cannot be asked or read: that is not to say that it is none.
static void add_unasked(node_state *state, const char *why)
{
    if (!g_ptr_array_find_with_equal_func(state->unasked, why, g_str_equal, NULL)) {
        g_ptr_array_add(state->unasked, g_strdup(why));
    }
}

/// What became of a change, in a word or two (static).
static const char *judge(const struct change *change, struct stores *stores, node_state *state)
{
    g_auto(root_file) now = {0};
    g_autoptr(cpulift_error) err = NULL;
    const struct store *store = NULL;
    if (stores_get(stores, change->store, &store, &err) == 0 &&
        store->load(store, change->target, &now, &err) == 0) {
        return undo_judge(change, &now);
    }
    if (change->store != NULL) {
        add_unasked(state, err->message);
    }
    return change->store != NULL ? "not known" : "unreadable";
}

/// A target that two applies touched is judged by the later one.
static bool is_last(const GPtrArray *sets, size_t set_index, const struct change *sought)
{
    for (size_t s = set_index + 1; s < sets->len; s++) {
        const changeset *set = g_ptr_array_index(sets, s);
        for (size_t i = 0; i < set->changes->len; i++) {
            const struct change *change = g_ptr_array_index(set->changes, i);
            if (change_is_of_same(change, sought)) {
                return false;
            }
        }
    }
    return true;
}

static void list_change(const changeset *set, const struct change *change, const char *what,
                        node_state *state)
{
    if (change->store == NULL) {
        struct state_file *file = record_new(&file_record);
        *file =
            (struct state_file){g_strdup(set->platform), g_strdup(change->target), g_strdup(what)};
        g_ptr_array_add(state->files, file);
    } else {
        struct state_definition *one = record_new(&definition_record);
        *one = (struct state_definition){g_strdup(change->store->uri), g_strdup(change->guest),
                                         g_strdup(change->target), g_strdup(what)};
        g_ptr_array_add(state->definitions, one);
    }
}

static void list_changes(struct stores *stores, const GPtrArray *sets, node_state *state)
{
    for (size_t s = 0; s < sets->len; s++) {
        const changeset *set = g_ptr_array_index(sets, s);
        for (size_t i = 0; i < set->changes->len; i++) {
            const struct change *change = g_ptr_array_index(set->changes, i);
            if (is_last(sets, s, change)) {
                list_change(set, change, judge(change, stores, state), state);
            }
        }
    }
}

/// The list that a line belongs to; *why skips the word that says so.
static GPtrArray *find_list(node_state *state, const char *hook, const char **why)
{
    const struct {
        const char *word;
        GPtrArray **list;
    } kinds[] = {{"note: ", &state->notes}, {"stopped: ", &state->stopped}};
    GPtrArray **found = strcmp(hook, "guard") == 0 ? &state->unjudged : &state->untuned;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(*why, kinds[i].word)) {
            *why += strlen(kinds[i].word);
            found = kinds[i].list;
            break;
        }
    }
    if (*found == NULL) {
        *found = g_ptr_array_new_with_free_func(untuned_record.destroy);
    }
    return *found;
}

/// "TIME ROLE GUEST: why" (hook/trace.h); a line of another shape is passed over.
static void add_trace(node_state *state, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 3);
    const char *colon = g_strv_length(words) == 3 ? strstr(words[2], ": ") : NULL;
    if (colon != NULL) {
        const char *why = colon + 2;
        GPtrArray *list = find_list(state, words[1], &why);
        struct state_untuned *untuned = record_new(&untuned_record);
        *untuned =
            (struct state_untuned){g_strdup(words[0]), g_strdup(words[1]),
                                   g_strndup(words[2], (gsize)(colon - words[2])), g_strdup(why)};
        g_ptr_array_add(list, untuned);
    }
}

static void list_untuned(const root_dir *root, node_state *state)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    size_t count = 0;
    const struct platform *const *all = platform_list(&count);
    for (size_t i = 0; i < count; i++) {
        g_auto(root_file) file = {0};
        g_autoptr(cpulift_error) err = NULL;
        if (!g_hash_table_add(seen, (gpointer)all[i]->trace)) {
            continue;
        }
        if (root_load(root, all[i]->trace, &file, &err) != 0) {
            add_unasked(state, err->message);
        }
        g_auto(GStrv) lines = g_strsplit(file.exists ? file.bytes : "", "\n", -1);
        for (char **line = lines; *line != NULL; line++) {
            add_trace(state, g_utf8_validate(*line, -1, NULL) ? *line : "");
        }
    }
}

/// Why a file is not in force, whatever its bytes. The caller's, or NULL.
static char *find_fault(const root_dir *root, const struct state_file *file)
{
    const struct platform *platform = platform_find(file->platform);
    g_auto(root_file) now = {0};
    if (strcmp(file->state, "taken back") == 0 || root_load(root, file->target, &now, NULL) != 0) {
        return NULL;
    }
    const char *fault = platform != NULL && platform->find_fault != NULL
                            ? platform->find_fault(file->target, &now)
                            : NULL;
    return fault != NULL                          ? g_strdup(fault)
           : strcmp(file->state, "in force") == 0 ? hookcheck_find_fault(root, file->target, &now)
                                                  : NULL;
}

/// A hook is in force while the program that it runs is, and while something runs it.
static void check_programs(const root_dir *root, node_state *state)
{
    for (size_t i = 0; i < state->files->len; i++) {
        struct state_file *file = g_ptr_array_index(state->files, i);
        char *fault = find_fault(root, file);
        if (fault != NULL) {
            g_free(file->state);
            file->state = fault;
        }
    }
}

static struct state_plan *describe_plan(const cpulift_plan *plan, const char *target)
{
    struct state_plan *told = record_new(&installed_record);
    *told = (struct state_plan){g_strdup(target),           g_strdup(plan->pool),
                                g_strdup(plan->variant),    g_strdup(plan->virt),
                                g_strdup(plan->cpu->model), (unsigned)plan->feature_count,
                                g_strdup(plan->qemu.min),   g_strdup(plan->qemu.max)};
    return told;
}

/// What guests see otherwise under the plan in force, NULL where there is none, than under `held`.
static GPtrArray *compare(const cpulift_plan *in_force, const cpulift_plan *held)
{
    if (in_force == NULL) {
        GPtrArray *none = compare_new();
        compare_add(none, "plan", NULL, g_strdup(held->pool), true);
        return none;
    }
    g_auto(compare_side) here = {0}, kept = {0};
    compare_take_plan(in_force, NULL, &here);
    compare_take_plan(held, NULL, &kept);
    return compare_sides(&here, &kept);
}

/// Hooks go by the plan that is installed; where only definitions were changed, by the newest. One
/// that is there and not taken has no other in its place.
static void read_plan(node_state *state, const root_dir *root, const GPtrArray *sets,
                      const cpulift_plan *held)
{
    const struct followed found = followed_load(root, state->unasked);
    g_autoptr(cpulift_plan) plan = found.plan;
    state->plan = plan != NULL ? describe_plan(plan, found.target) : NULL;
    if (found.keys > 0) {
        state->seal = record_new(&seal_record);
        *state->seal = (struct state_seal){found.keys, found.key};
    }
    if (plan == NULL && state->unasked->len == 0 && sets->len > 0) {
        plan = changeset_find_plan(sets->pdata[sets->len - 1]);
    }
    state->differences = held != NULL ? compare(plan, held) : NULL;
}

/// The emulator that apply recorded, held against what it is now. The caller's.
static struct state_qemu *describe_qemu(const root_dir *root, node_state *state)
{
    g_autoptr(node_qemu) applied = node_load(root, NODE_TARGET);
    if (applied == NULL) {
        bool is_there = true;
        if (root_find(root, NODE_TARGET, &is_there, NULL) != 0 || is_there) {
            add_unasked(state,
                        "'" NODE_TARGET "' does not say which QEMU the node had: apply again");
        }
        return NULL;
    }
    g_autoptr(node_qemu) now = node_look(root, applied->emulator);
    struct state_qemu *told = record_new(&qemu_record);
    *told = (struct state_qemu){g_strdup(applied->emulator), g_strdup(applied->version),
                                g_strdup(now != NULL ? now->version : NULL)};
    return told;
}

int state_read(struct stores *stores, const cpulift_plan *held, node_state **ret_state,
               cpulift_error **err)
{
    const root_dir *root = stores->root;
    g_autoptr(GPtrArray) sets = NULL;
    TRY(journal_load(root, &sets, err));
    g_autoptr(node_state) state = record_new(&state_record);
    state->definitions = g_ptr_array_new_with_free_func(definition_record_free);
    TRY(journal_is_pending(root, &state->is_interrupted, err));
    read_plan(state, root, sets, held);
    state->qemu = describe_qemu(root, state);
    list_changes(stores, sets, state);
    check_programs(root, state);
    list_untuned(root, state);
    *ret_state = g_steal_pointer(&state);
    return 0;
}

bool state_is_good(const node_state *state)
{
    bool is_good = !state->is_interrupted &&
                   (state->differences == NULL || !compare_is_seen(state->differences));
    for (size_t i = 0; i < state->files->len; i++) {
        const struct state_file *file = g_ptr_array_index(state->files, i);
        is_good = is_good && g_str_has_prefix(file->state, "in force");
    }
    for (size_t i = 0; i < state->definitions->len; i++) {
        const char *now = ((const struct state_definition *)state->definitions->pdata[i])->state;
        is_good = is_good && (strcmp(now, "in force") == 0 || strcmp(now, "no longer there") == 0);
    }
    return is_good;
}
