// SPDX-License-Identifier: LGPL-2.1-or-later
/// platform/state.h in words.
#include "core/guest.h"
#include "platform/state.h"

static void format_plan(GString *out, const node_state *state)
{
    const struct state_plan *plan = state->plan;
    if (plan != NULL) {
        g_string_append_printf(out, "plan /%s: pool %s, %s, %s, model %s, %u features\n",
                               plan->target, plan->pool, plan->variant, plan->virt, plan->model,
                               plan->features);
    } else {
        g_string_append(out, state->unasked->len > 0 ? "no plan that hooks take is installed\n"
                                                     : "no plan is installed\n");
    }
}

static void format_seal(GString *out, const struct state_seal *seal)
{
    if (seal == NULL) {
        return;
    }
    g_string_append_printf(out, "a plan needs the seal of %s%u key%s",
                           seal->keys > 1 ? "one of " : "", seal->keys, seal->keys > 1 ? "s" : "");
    if (seal->key > 0) {
        g_string_append_printf(out, "; this one has that of key %u", seal->key);
    }
    g_string_append_c(out, '\n');
}

static void format_qemu(GString *out, const node_state *state)
{
    const struct state_plan *plan = state->plan;
    const struct state_qemu *qemu = state->qemu;
    if (plan != NULL && guest_find_side(plan->qemu_min, plan->qemu_max) == GUEST_QEMU_ACROSS) {
        g_string_append_printf(out,
                               "its hosts have QEMU %s to %s: guests with more than one logical "
                               "CPU per socket do not migrate across " GUEST_QEMU_BREAK_TEXT "\n",
                               plan->qemu_min, plan->qemu_max);
    }
    if (qemu != NULL && g_strcmp0(qemu->applied, qemu->now) != 0) {
        g_string_append_printf(
            out,
            "%s was QEMU %s when the plan was applied and is %s now: scan this host, plan and "
            "apply again\n",
            qemu->emulator, qemu->applied, qemu->now != NULL ? qemu->now : "gone");
    }
}

/// How often each reason stands in the list. `reasons` gets each once, in the order in which they
/// first came. The caller unrefs.
static GHashTable *count_reasons(const GPtrArray *starts, GPtrArray *reasons)
{
    GHashTable *counts = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < starts->len; i++) {
        const struct state_untuned *one = starts->pdata[i];
        size_t count = GPOINTER_TO_SIZE(g_hash_table_lookup(counts, one->why));
        if (count == 0) {
            g_ptr_array_add(reasons, one->why);
        }
        g_hash_table_replace(counts, one->why, GSIZE_TO_POINTER(count + 1));
    }
    return counts;
}

static void format_untuned(GString *out, const GPtrArray *untuned, const char *what)
{
    g_autoptr(GPtrArray) reasons = g_ptr_array_new();
    g_autoptr(GHashTable) counts = count_reasons(untuned, reasons);
    g_string_append_printf(out, "%u %s\n", untuned->len, what);
    for (size_t r = 0; r < reasons->len; r++) {
        const char *why = g_ptr_array_index(reasons, r);
        g_string_append_printf(out, "  %zu: %s\n",
                               GPOINTER_TO_SIZE(g_hash_table_lookup(counts, why)), why);
    }
    if (untuned->len > 0) {
        const struct state_untuned *last = untuned->pdata[untuned->len - 1];
        g_string_append_printf(out, "  the last: %s at %s\n", last->guest, last->time);
    }
}

/// Each note once, with the guest of which it was written last.
static void format_notes(GString *out, const GPtrArray *notes)
{
    g_autoptr(GPtrArray) reasons = g_ptr_array_new();
    g_autoptr(GHashTable) counts = count_reasons(notes, reasons);
    g_autoptr(GHashTable) lasts = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < notes->len; i++) {
        struct state_untuned *note = notes->pdata[i];
        g_hash_table_replace(lasts, note->why, note);
    }
    for (size_t r = 0; r < reasons->len; r++) {
        const struct state_untuned *last = g_hash_table_lookup(lasts, reasons->pdata[r]);
        size_t count = GPOINTER_TO_SIZE(g_hash_table_lookup(counts, last->why));
        g_autofree char *who =
            count > 1 ? g_strdup_printf("%zu guests, the last ", count) : g_strdup("");
        g_string_append_printf(out, "note of %s%s at %s: %s\n", who, last->guest, last->time,
                               last->why);
    }
}

static void format_differences(GString *out, const GPtrArray *differences)
{
    if (differences != NULL && differences->len == 0) {
        g_string_append(out, "the installed plan is the plan given\n");
    }
    for (size_t i = 0; differences != NULL && i < differences->len; i++) {
        const struct compare_difference *one = differences->pdata[i];
        g_string_append_printf(out, "%s: installed %s, in the plan given %s\n", one->what,
                               one->a != NULL ? one->a : "none", one->b != NULL ? one->b : "none");
    }
}

char *state_format(const node_state *state)
{
    GString *out = g_string_new(NULL);
    format_plan(out, state);
    format_seal(out, state->seal);
    format_qemu(out, state);
    format_differences(out, state->differences);
    if (state->is_interrupted) {
        g_string_append(out, "an apply was interrupted: 'cpulift rollback' takes it back, another "
                             "'cpulift apply --commit' takes it back and begins anew\n");
    }
    for (size_t i = 0; i < state->files->len; i++) {
        const struct state_file *file = g_ptr_array_index(state->files, i);
        g_string_append_printf(out, "%s /%s: %s\n", file->platform, file->target, file->state);
    }
    for (size_t i = 0; i < state->definitions->len; i++) {
        const struct state_definition *one = g_ptr_array_index(state->definitions, i);
        g_string_append_printf(out, "definition of %s at %s: %s\n", one->guest, one->uri,
                               one->state);
    }
    format_untuned(out, state->untuned, "starts of guests were left untuned");
    if (state->unjudged != NULL) {
        format_untuned(out, state->unjudged, "guests passed the guard, which could not judge them");
    }
    if (state->stopped != NULL) {
        format_untuned(out, state->stopped,
                       "starts of guests were stopped: hooks are strict and failed");
    }
    format_notes(out, state->notes);
    return g_string_free(out, FALSE);
}
