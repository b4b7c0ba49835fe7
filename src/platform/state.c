// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/state.h"

#include "base/json.h"
#include "platform/journal.h"
#include "platform/platform.h"
#include "platform/properties.h"

#include <string.h>

static bool has_keys(const struct change *change, const struct root_file *now)
{
    g_autoptr(properties) file = NULL;
    if (!now->exists || properties_parse(now->bytes, now->len, change->target, &file, NULL) != 0) {
        return false;
    }
    for (size_t i = 0; i < change->keys->len; i++) {
        const struct change_key *key = g_ptr_array_index(change->keys, i);
        if (g_strcmp0(properties_get(file, key->key), key->after) != 0) {
            return false;
        }
    }
    return true;
}

static const char *judge(const struct change *change, const root_dir *root)
{
    g_auto(root_file) now = {0};
    if (root_load(root, change->target, &now, NULL) != 0) {
        return "unreadable";
    }
    if (root_file_same_bytes(&now, &change->after)) {
        // A platform passes over a hook that it cannot execute, in silence.
        bool can_run = !now.exists || (change->after.mode & 0111 & ~now.mode) == 0;
        return can_run ? "in force" : "no longer executable";
    }
    if (change->undo == CHANGE_PROPERTIES && has_keys(change, &now)) {
        return "in force (rewritten by the platform)";
    }
    return root_file_same_bytes(&now, &change->before) ? "taken back" : "changed by others";
}

/// A target that two applies touched is judged by the later one.
static bool is_last(const GPtrArray *sets, size_t set_index, const char *target)
{
    for (size_t s = set_index + 1; s < sets->len; s++) {
        const changeset *set = g_ptr_array_index(sets, s);
        for (size_t i = 0; i < set->changes->len; i++) {
            const struct change *change = g_ptr_array_index(set->changes, i);
            if (strcmp(change->target, target) == 0) {
                return false;
            }
        }
    }
    return true;
}

static json_t *list_files(const root_dir *root, const GPtrArray *sets, bool *is_good)
{
    json_t *files = json_array();
    for (size_t s = 0; s < sets->len; s++) {
        const changeset *set = g_ptr_array_index(sets, s);
        for (size_t i = 0; i < set->changes->len; i++) {
            const struct change *change = g_ptr_array_index(set->changes, i);
            if (is_last(sets, s, change->target)) {
                const char *state = judge(change, root);
                *is_good &= g_str_has_prefix(state, "in force");
                json_array_append_new(files, json_pack("{s:s, s:s, s:s}", "platform", set->platform,
                                                       "target", change->target, "state", state));
            }
        }
    }
    return files;
}

/// "TIME ROLE GUEST: why" into the document; a line of another shape is passed over.
static void add_trace(json_t *untuned, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 3);
    if (g_strv_length(words) < 3) {
        return;
    }
    char *why = strstr(words[2], ": ");
    if (why != NULL) {
        *why = '\0';
        json_array_append_new(untuned, json_pack("{s:s, s:s, s:s, s:s}", "time", words[0], "hook",
                                                 words[1], "guest", words[2], "why", why + 2));
    }
}

static json_t *list_untuned(const root_dir *root)
{
    json_t *untuned = json_array();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    size_t count = 0;
    const struct platform *const *all = platform_list(&count);
    for (size_t i = 0; i < count; i++) {
        g_auto(root_file) file = {0};
        if (!g_hash_table_add(seen, (gpointer)all[i]->trace) ||
            root_load(root, all[i]->trace, &file, NULL) != 0 || !file.exists) {
            continue;
        }
        g_auto(GStrv) lines = g_strsplit(file.bytes, "\n", -1);
        for (char **line = lines; *line != NULL; line++) {
            add_trace(untuned, g_utf8_validate(*line, -1, NULL) ? *line : "");
        }
    }
    return untuned;
}

/// The plan that the hooks go by, in a few members; null where none is installed or it is broken.
static json_t *describe_plan(const root_dir *root)
{
    size_t count = 0;
    const struct platform *const *all = platform_list(&count);
    for (size_t i = 0; i < count; i++) {
        const char *target = all[i]->plan_target;
        g_auto(root_file) file = {0};
        g_autoptr(cpulift_plan) plan = NULL;
        if (root_load(root, target, &file, NULL) == 0 && file.exists &&
            plan_parse(file.bytes, file.len, target, &plan, NULL) == 0) {
            return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "target", target, "pool", plan->pool,
                             "variant", plan->variant, "virt", plan->virt, "model",
                             plan->cpu->model, "features", (json_int_t)plan->feature_count);
        }
    }
    return json_null();
}

int state_read(const root_dir *root, json_t **ret_state, bool *ret_is_good, cpulift_error **err)
{
    g_autoptr(GPtrArray) sets = NULL;
    TRY(journal_load(root, &sets, err));
    bool is_pending = journal_is_pending(root), is_good = !is_pending;
    json_t *files = list_files(root, sets, &is_good);
    *ret_state = json_pack("{s:s, s:b, s:o, s:o, s:o}", "schema", "cpulift.status/1", "interrupted",
                           is_pending, "plan", describe_plan(root), "files", files, "untuned",
                           list_untuned(root));
    *ret_is_good = is_good;
    return 0;
}

static void format_plan(GString *out, const json_t *plan)
{
    if (json_is_object(plan)) {
        g_string_append_printf(
            out, "plan /%s: pool %s, %s, %s, model %s, %" G_GUINT64_FORMAT " features\n",
            json_get_string(plan, "target"), json_get_string(plan, "pool"),
            json_get_string(plan, "variant"), json_get_string(plan, "virt"),
            json_get_string(plan, "model"), json_get_uint(plan, "features", 0));
    } else {
        g_string_append(out, "no plan is installed\n");
    }
}

/// The reasons with their counts, each once, in the order in which they first came.
static void format_untuned(GString *out, const json_t *untuned)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) reasons = g_ptr_array_new();
    size_t i = 0;
    json_t *one = NULL;
    json_array_foreach (untuned, i, one) {
        const char *why = json_get_string(one, "why");
        size_t count = GPOINTER_TO_SIZE(g_hash_table_lookup(counts, why));
        if (count == 0) {
            g_ptr_array_add(reasons, (gpointer)why);
        }
        g_hash_table_replace(counts, (gpointer)why, GSIZE_TO_POINTER(count + 1));
    }
    g_string_append_printf(out, "%zu starts of guests were left untuned\n",
                           json_array_size(untuned));
    for (size_t r = 0; r < reasons->len; r++) {
        const char *why = g_ptr_array_index(reasons, r);
        g_string_append_printf(out, "  %zu: %s\n",
                               GPOINTER_TO_SIZE(g_hash_table_lookup(counts, why)), why);
    }
    const json_t *last = json_array_get(untuned, json_array_size(untuned) - 1);
    if (last != NULL) {
        g_string_append_printf(out, "  the last: %s at %s\n", json_get_string(last, "guest"),
                               json_get_string(last, "time"));
    }
}

char *state_format(const json_t *state)
{
    GString *out = g_string_new(NULL);
    format_plan(out, json_object_get(state, "plan"));
    if (json_is_true(json_object_get(state, "interrupted"))) {
        g_string_append(out, "an apply was interrupted: 'cpulift rollback' takes it back, another "
                             "'cpulift apply --commit' takes it back and begins anew\n");
    }
    size_t i = 0;
    json_t *file = NULL;
    json_array_foreach (json_object_get(state, "files"), i, file) {
        g_string_append_printf(out, "%s /%s: %s\n", json_get_string(file, "platform"),
                               json_get_string(file, "target"), json_get_string(file, "state"));
    }
    format_untuned(out, json_object_get(state, "untuned"));
    return g_string_free(out, FALSE);
}
