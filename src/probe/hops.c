// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/hops.h"

#include "base/text.h"
#include "probe/difference.h"

/// How many names a reason lists.
#define NAMES_MAX 8

/// What every hop is judged by.
struct proof_context {
    const catalog *map;
    const cpulift_plan *plan;
    const transcript *before; ///< the record before the first hop, or NULL
};

static void add_names(GPtrArray *reasons, const char *title, const GPtrArray *names)
{
    if (names->len > 0) {
        g_autofree char *list =
            text_join_some((const char *const *)names->pdata, names->len, NAMES_MAX);
        g_ptr_array_add(reasons, g_strdup_printf("against the plan, %s: %s", title, list));
    }
}

static void take_proof(const proof *result, struct proof_hop *hop)
{
    for (guint i = 0; i < result->reasons->len; i++) {
        g_ptr_array_add(hop->reasons, g_strdup(result->reasons->pdata[i]));
    }
    add_names(hop->reasons, "missing", result->missing);
    add_names(hop->reasons, "extra", result->extra);
    for (guint i = 0; i < result->others->len; i++) {
        const struct proof_group *group = result->others->pdata[i];
        g_ptr_array_add(
            hop->reasons,
            g_strdup_printf("vCPU %s is not as planned, or not like vCPU 0", group->vcpus));
    }
    hop->executed = result->executed->len;
    hop->is_proved = result->is_proved;
}

static transcript *parse_record(const probe_run *run)
{
    transcript *record = NULL;
    bool is_record =
        run->text != NULL && transcript_parse(run->text, run->len, NULL, &record, NULL) == 0;
    return is_record ? record : NULL;
}

/// A guest that was migrated goes on counting its records.
static void check_continuity(const transcript *before, const transcript *after,
                             struct proof_hop *hop)
{
    if (after->number <= before->number) {
        g_ptr_array_add(hop->reasons, g_strdup("the guest began anew: this was no live migration"));
        hop->is_proved = false;
    }
}

static int judge(const struct proof_context *context, const struct probe_hop *from,
                 struct proof_hop *hop, cpulift_error **err)
{
    g_autoptr(proof) there = NULL;
    TRY(proof_compute(context->map, context->plan, from->run, &there, err));
    take_proof(there, hop);
    g_autoptr(transcript) after = parse_record(from->run);
    if (context->before != NULL && after != NULL) {
        difference_find_all(context->before, after, hop->changed);
        check_continuity(context->before, after, hop);
    }
    hop->is_proved = hop->is_proved && context->before != NULL && hop->changed->len == 0;
    return 0;
}

static int add_hop(const struct proof_context *context, const struct probe_hop *from, proof *result,
                   cpulift_error **err)
{
    struct proof_hop *hop = proof_add_hop(result);
    hop->from = g_strdup(from->from);
    hop->to = g_strdup(from->to);
    hop->downtime_ms = from->downtime_ms;
    if (from->run->refusal == NULL) {
        return judge(context, from, hop, err);
    }
    g_ptr_array_add(hop->reasons, g_strdup_printf("the migration failed: %s", from->run->refusal));
    return 0;
}

/// However well the journey went, such a definition promised nothing.
static void explain(bool is_binding, proof *result)
{
    if (!is_binding) {
        proof_add_note(
            result->notes, "definition",
            "it promises nothing, as it lacks check='full': a guest starts with whatever "
            "the host gives, and cannot move to one that gives less");
    }
}

int hops_compute(const catalog *map, const cpulift_plan *plan, const probe_run *run,
                 bool is_binding, proof *result, cpulift_error **err)
{
    g_autoptr(transcript) before = parse_record(run);
    const struct proof_context context = {map, plan, before};
    proof_begin_hops(result);
    for (guint i = 0; run->hops != NULL && i < run->hops->len; i++) {
        TRY(add_hop(&context, run->hops->pdata[i], result, err));
    }
    for (guint i = 0; i < result->hops->len; i++) {
        result->is_proved &= ((const struct proof_hop *)result->hops->pdata[i])->is_proved;
    }
    explain(is_binding, result);
    return 0;
}

static void print_hop(const struct proof_hop *hop, GString *out)
{
    g_string_append_printf(out, "%-10s %s, %s -> %s", "hop", hop->is_proved ? "yes" : "no",
                           hop->from, hop->to);
    if (hop->is_proved) {
        g_string_append_printf(out, ": nothing changed, %u sets executed", hop->executed);
    }
    if (hop->downtime_ms >= 0) {
        g_string_append_printf(out, ", %" G_GINT64_FORMAT " ms downtime", hop->downtime_ms);
    }
    g_string_append_c(out, '\n');
    for (guint i = 0; i < hop->reasons->len; i++) {
        g_string_append_printf(out, "%-10s %s\n", "why", (const char *)hop->reasons->pdata[i]);
    }
    for (guint i = 0; i < hop->changed->len; i++) {
        const struct proof_difference *row = hop->changed->pdata[i];
        g_string_append_printf(out, "%-10s %s: %s before, %s after\n", "changed", row->what,
                               row->expected, row->found);
    }
}

void hops_print(const GPtrArray *hops, GString *out)
{
    for (guint i = 0; i < hops->len; i++) {
        print_hop(hops->pdata[i], out);
    }
}
