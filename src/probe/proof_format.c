// SPDX-License-Identifier: LGPL-2.1-or-later
/// Proofs for people.
#include "base/text.h"
#include "probe/hops.h"

static void print_names(GString *out, const char *title, GPtrArray *names)
{
    g_ptr_array_sort(names, text_compare);
    g_string_append_printf(out, "%-10s", title);
    for (guint i = 0; i < names->len; i++) {
        g_string_append_printf(out, " %s", (const char *)names->pdata[i]);
    }
    g_string_append(out, names->len == 0 ? " none\n" : "\n");
}

static void print_notes(GString *out, const char *title, const GPtrArray *notes)
{
    for (guint i = 0; i < notes->len; i++) {
        const struct proof_note *note = notes->pdata[i];
        g_string_append_printf(out, "%-10s %s: %s\n", title, note->what, note->why);
    }
}

char *proof_format(const proof *result)
{
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "%s: pool '%s', %s CPU on %s, machine %s, through %s\n",
                           result->is_proved ? "PROVED" : "NOT PROVED", result->pool,
                           result->variant, result->virt, result->machine, result->through);
    for (guint i = 0; i < result->reasons->len; i++) {
        g_string_append_printf(out, "%-10s %s\n", "why", (const char *)result->reasons->pdata[i]);
    }
    print_names(out, "missing", result->missing);
    print_names(out, "extra", result->extra);
    print_names(out, "executed", result->executed);
    print_notes(out, "faulted", result->faulted);
    for (guint i = 0; i < result->wrong->len; i++) {
        const struct proof_difference *row = result->wrong->pdata[i];
        g_string_append_printf(out, "%-10s %s: expected %s, found %s\n", "wrong", row->what,
                               row->expected, row->found);
    }
    if (result->hops != NULL) {
        hops_print(result->hops, out);
    }
    print_notes(out, "note", result->notes);
    return g_string_free(out, FALSE);
}
