// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/hops.h"

#include "base/text.h"
#include "probe/state.h"

/// How many names a reason lists.
#define NAMES_MAX 8

/// What every hop is judged by.
struct proof_context {
    const catalog *map;
    const cpulift_plan *plan;
    const transcript *before; ///< the record before the first hop, or NULL
};

/// True where a bit of `bits` differs for no reason that state.def has.
static bool is_changed(const struct probe_leaf *row, unsigned reg, uint32_t bits,
                       const char *vendor)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t mask = UINT32_C(1) << bit;
        if ((bits & mask) != 0 && state_find(row->leaf, row->subleaf, reg, mask, vendor) == NULL) {
            return true;
        }
    }
    return false;
}

static void add_word(GPtrArray *changed, const char *what, uint32_t before, uint32_t after)
{
    g_autofree char *old = g_strdup_printf("%08x", before);
    g_autofree char *new = g_strdup_printf("%08x", after);
    proof_add_difference(changed, what, old, new);
}

static void compare_leaf(const struct probe_leaf *before, const struct probe_leaf *after,
                         const char *vendor, GPtrArray *changed)
{
    for (unsigned reg = 0; reg < 4; reg++) {
        uint32_t bits = before->regs[reg] ^ after->regs[reg];
        if (is_changed(before, reg, bits, vendor)) {
            g_autofree char *what = g_strdup_printf("cpuid %08x %x %s", before->leaf,
                                                    before->subleaf, proof_reg_name(reg));
            add_word(changed, what, before->regs[reg], after->regs[reg]);
        }
    }
}

static const char *to_presence(const void *row)
{
    return row != NULL ? "there" : "not there";
}

/// A leaf that only one record has.
static void compare_presence(const transcript *from, const transcript *in, bool is_before,
                             GPtrArray *changed)
{
    for (guint i = 0; i < from->leaves->len; i++) {
        const struct probe_leaf *row = &g_array_index(from->leaves, struct probe_leaf, i);
        if (transcript_find_leaf(in, row->leaf, row->subleaf) == NULL) {
            g_autofree char *what = g_strdup_printf("cpuid %08x %x", row->leaf, row->subleaf);
            proof_add_difference(changed, what, to_presence(is_before ? row : NULL),
                                 to_presence(is_before ? NULL : row));
        }
    }
}

static void compare_leaves(const transcript *before, const transcript *after, GPtrArray *changed)
{
    char vendor[TRANSCRIPT_VENDOR_SIZE];
    transcript_get_vendor(before, vendor);
    for (guint i = 0; i < before->leaves->len; i++) {
        const struct probe_leaf *row = &g_array_index(before->leaves, struct probe_leaf, i);
        const struct probe_leaf *found = transcript_find_leaf(after, row->leaf, row->subleaf);
        if (found != NULL) {
            compare_leaf(row, found, vendor, changed);
        }
    }
    compare_presence(before, after, true, changed);
    compare_presence(after, before, false, changed);
}

static char *format_msr(const struct probe_msr *msr)
{
    return msr == NULL         ? g_strdup("not there")
           : !msr->is_readable ? g_strdup("not readable")
                               : g_strdup_printf("%08x%08x", msr->high, msr->low);
}

static void compare_msr(uint32_t index, const transcript *before, const transcript *after,
                        GPtrArray *changed)
{
    g_autofree char *old = format_msr(transcript_find_msr(before, index));
    g_autofree char *new = format_msr(transcript_find_msr(after, index));
    if (!g_str_equal(old, new)) {
        g_autofree char *what = g_strdup_printf("msr %08x", index);
        proof_add_difference(changed, what, old, new);
    }
}

static void compare_msrs(const transcript *before, const transcript *after, GPtrArray *changed)
{
    for (guint i = 0; i < before->msrs->len; i++) {
        uint32_t index = g_array_index(before->msrs, struct probe_msr, i).index;
        compare_msr(index, before, after, changed);
    }
    for (guint i = 0; i < after->msrs->len; i++) {
        uint32_t index = g_array_index(after->msrs, struct probe_msr, i).index;
        if (transcript_find_msr(before, index) == NULL) {
            compare_msr(index, before, after, changed);
        }
    }
}

static const char *const outcomes[] = {
    [PROBE_OK] = "right",
    [PROBE_FAULT] = "exception",
    [PROBE_WRONG] = "wrong",
    [PROBE_SKIPPED] = "skipped",
};

static const char *find_outcome(const transcript *record, const char *name)
{
    const struct probe_set *set = transcript_find_set(record, name);
    return set == NULL ? "not tried" : outcomes[set->outcome];
}

/// The guest's command line names the sets, so that both records try the same unless one is
/// damaged.
static void compare_sets(const transcript *before, const transcript *after, GPtrArray *changed)
{
    for (guint i = 0; i < before->sets->len; i++) {
        const char *name = g_array_index(before->sets, struct probe_set, i).name;
        const char *old = find_outcome(before, name), *new = find_outcome(after, name);
        if (!g_str_equal(old, new)) {
            g_autofree char *what = g_strdup_printf("set %s", name);
            proof_add_difference(changed, what, old, new);
        }
    }
}

void hops_compare_records(const transcript *before, const transcript *after, GPtrArray *changed)
{
    compare_leaves(before, after, changed);
    if (before->xcr0 != after->xcr0) {
        g_autofree char *old = g_strdup_printf("%" G_GINT64_MODIFIER "x", before->xcr0);
        g_autofree char *new = g_strdup_printf("%" G_GINT64_MODIFIER "x", after->xcr0);
        proof_add_difference(changed, "xcr0", old, new);
    }
    compare_msrs(before, after, changed);
    compare_sets(before, after, changed);
}

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
        hops_compare_records(context->before, after, hop->changed);
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
