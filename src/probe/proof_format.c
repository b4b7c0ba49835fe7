// SPDX-License-Identifier: LGPL-2.1-or-later
/// Proofs as documents and for people.
#include "base/json.h"
#include "base/text.h"
#include "config.h"
#include "probe/hops.h"

#include <sys/utsname.h>

static json_t *format_names(GPtrArray *names)
{
    g_ptr_array_sort(names, text_compare);
    return json_new_strings((const char *const *)names->pdata, names->len);
}

static json_t *format_notes(const GArray *notes, const char *name_key, const char *why_key)
{
    json_t *list = json_array();
    for (guint i = 0; i < notes->len; i++) {
        const struct proof_note *note = &g_array_index(notes, struct proof_note, i);
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", name_key, note->what, why_key, note->why));
    }
    return list;
}

static json_t *format_wrong(const GArray *wrong)
{
    json_t *list = json_array();
    for (guint i = 0; i < wrong->len; i++) {
        const struct proof_difference *row = &g_array_index(wrong, struct proof_difference, i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "what", row->what, "expected",
                                              row->expected, "found", row->found));
    }
    return list;
}

static json_t *format_versions(const probe_run *run)
{
    struct utsname kernel;
    bool has_kernel = uname(&kernel) == 0;
    return json_pack("{s:s, s:s*, s:s*, s:s*}", "cpulift", CPULIFT_VERSION, "kernel",
                     has_kernel ? kernel.release : NULL, "libvirt", run->libvirt, "qemu",
                     run->qemu);
}

json_t *proof_to_json(const proof *result, const cpulift_plan *plan, const probe_run *run)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "schema", PROOF_SCHEMA, "pool", plan->pool,
                  "variant", plan->variant, "virt", run->virt, "machine", run->machine, "through",
                  run->through, "verdict", result->is_proved ? "yes" : "no");
    json_object_set_new(json, "missing", format_names(result->missing));
    json_object_set_new(json, "extra", format_names(result->extra));
    json_object_set_new(json, "executed", format_names(result->executed));
    json_object_set_new(json, "reasons", format_names(result->reasons));
    json_object_set_new(json, "wrong", format_wrong(result->wrong));
    json_object_set_new(json, "faulted", format_notes(result->faulted, "set", "why"));
    json_object_set_new(json, "notes", format_notes(result->notes, "what", "why"));
    json_object_set_new(json, "versions", format_versions(run));
    if (result->hops != NULL) {
        json_object_set_new(json, "hops", hops_to_json(result->hops));
    }
    return json;
}

static void print_names(GString *out, const char *title, GPtrArray *names)
{
    g_ptr_array_sort(names, text_compare);
    g_string_append_printf(out, "%-10s", title);
    for (guint i = 0; i < names->len; i++) {
        g_string_append_printf(out, " %s", (const char *)names->pdata[i]);
    }
    g_string_append(out, names->len == 0 ? " none\n" : "\n");
}

static void print_notes(GString *out, const char *title, const GArray *notes)
{
    for (guint i = 0; i < notes->len; i++) {
        const struct proof_note *note = &g_array_index(notes, struct proof_note, i);
        g_string_append_printf(out, "%-10s %s: %s\n", title, note->what, note->why);
    }
}

char *proof_format(const proof *result, const cpulift_plan *plan, const probe_run *run)
{
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "%s: pool '%s', %s CPU on %s, machine %s, through %s\n",
                           result->is_proved ? "PROVED" : "NOT PROVED", plan->pool, plan->variant,
                           run->virt, run->machine, run->through);
    for (guint i = 0; i < result->reasons->len; i++) {
        g_string_append_printf(out, "%-10s %s\n", "why", (const char *)result->reasons->pdata[i]);
    }
    print_names(out, "missing", result->missing);
    print_names(out, "extra", result->extra);
    print_names(out, "executed", result->executed);
    print_notes(out, "faulted", result->faulted);
    for (guint i = 0; i < result->wrong->len; i++) {
        const struct proof_difference *row =
            &g_array_index(result->wrong, struct proof_difference, i);
        g_string_append_printf(out, "%-10s %s: expected %s, found %s\n", "wrong", row->what,
                               row->expected, row->found);
    }
    if (result->hops != NULL) {
        hops_print(result->hops, out);
    }
    print_notes(out, "note", result->notes);
    return g_string_free(out, FALSE);
}
