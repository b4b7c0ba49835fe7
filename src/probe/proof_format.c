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

static void print_wrong(GString *out, const char *title, const GPtrArray *rows)
{
    for (guint i = 0; i < rows->len; i++) {
        const struct proof_difference *row = rows->pdata[i];
        g_string_append_printf(out, "%-10s %s: expected %s, found %s\n", title, row->what,
                               row->expected, row->found);
    }
}

static void print_notes(GString *out, const char *title, const GPtrArray *notes)
{
    for (guint i = 0; i < notes->len; i++) {
        const struct proof_note *note = notes->pdata[i];
        g_string_append_printf(out, "%-10s %s: %s\n", title, note->what, note->why);
    }
}

static void print_vcpus(GString *out, const proof *result)
{
    const probe_shape *shape = &result->shape;
    g_autofree char *topology = shape_to_string(shape);
    g_string_append_printf(out, "%-10s %u of %u read, %s\n", "vcpus", result->read, shape->vcpus,
                           topology);
}

static void print_group(GString *out, const struct proof_group *group)
{
    g_autofree char *who = g_strdup_printf("vCPU %s", group->vcpus);
    g_autofree char *missing = g_strdup_printf("%-10s missing", who);
    g_autofree char *extra = g_strdup_printf("%-10s extra", who);
    g_autofree char *wrong = g_strdup_printf("%-10s wrong", who);
    g_autofree char *faulted = g_strdup_printf("%-10s faulted", who);
    if (group->missing->len > 0) {
        print_names(out, missing, group->missing);
    }
    if (group->extra->len > 0) {
        print_names(out, extra, group->extra);
    }
    print_wrong(out, wrong, group->wrong);
    print_notes(out, faulted, group->faulted);
    for (guint i = 0; i < group->unlike->len; i++) {
        const struct proof_difference *row = group->unlike->pdata[i];
        g_string_append_printf(out, "%-10s %s: %s, and %s on vCPU 0\n", who, row->what, row->found,
                               row->expected);
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
    print_vcpus(out, result);
    print_names(out, "missing", result->missing);
    print_names(out, "extra", result->extra);
    print_names(out, "executed", result->executed);
    print_notes(out, "faulted", result->faulted);
    print_wrong(out, "wrong", result->wrong);
    for (guint i = 0; i < result->others->len; i++) {
        print_group(out, result->others->pdata[i]);
    }
    if (result->hops != NULL) {
        hops_print(result->hops, out);
    }
    print_notes(out, "note", result->notes);
    return g_string_free(out, FALSE);
}
