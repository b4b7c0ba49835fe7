// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/difference.h"

#include "probe/proof.h"
#include "probe/state.h"

/// What is compared, and where the answer goes.
struct pair {
    const probe_vcpu *before, *after;
    bool is_other; ///< two vCPUs, not one at two times
    const char *prefix;
    GPtrArray *differences;
};

static const struct {
    uint32_t leaf;
    unsigned reg;
    uint32_t bits;
} owns[] = {
#define PROBE_OWN(leaf, reg, bits, why) {leaf, reg, bits},
#include "probe/own.def"
};

/// The bits of this register that each vCPU has of its own.
static uint32_t find_own(uint32_t leaf, unsigned reg)
{
    for (size_t i = 0; i < G_N_ELEMENTS(owns); i++) {
        if (owns[i].leaf == leaf && owns[i].reg == reg) {
            return owns[i].bits;
        }
    }
    return 0;
}

static void add(const struct pair *pair, char *what, const char *before, const char *after)
{
    g_autofree char *whole = g_strconcat(pair->prefix, what, NULL);
    proof_add_difference(pair->differences, whole, before, after);
    g_free(what);
}

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

static void compare_leaf(const struct pair *pair, const struct probe_leaf *before,
                         const struct probe_leaf *after, const char *vendor)
{
    for (unsigned reg = 0; reg < 4; reg++) {
        uint32_t own = pair->is_other ? find_own(before->leaf, reg) : 0;
        uint32_t bits = (before->regs[reg] ^ after->regs[reg]) & ~own;
        if (is_changed(before, reg, bits, vendor)) {
            g_autofree char *old = g_strdup_printf("%08x", before->regs[reg]);
            g_autofree char *new = g_strdup_printf("%08x", after->regs[reg]);
            add(pair,
                g_strdup_printf("cpuid %08x %x %s", before->leaf, before->subleaf,
                                proof_reg_name(reg)),
                old, new);
        }
    }
}

static const char *to_presence(bool is_there)
{
    return is_there ? "there" : "not there";
}

/// The leaves of one reading that the other does not have.
static void compare_presence(const struct pair *pair, bool is_before)
{
    const probe_vcpu *from = is_before ? pair->before : pair->after;
    const probe_vcpu *in = is_before ? pair->after : pair->before;
    for (guint i = 0; i < from->leaves->len; i++) {
        const struct probe_leaf *row = &g_array_index(from->leaves, struct probe_leaf, i);
        if (transcript_find_leaf(in, row->leaf, row->subleaf) == NULL) {
            add(pair, g_strdup_printf("cpuid %08x %x", row->leaf, row->subleaf),
                to_presence(is_before), to_presence(!is_before));
        }
    }
}

static void compare_leaves(const struct pair *pair)
{
    char vendor[TRANSCRIPT_VENDOR_SIZE];
    transcript_get_vendor(pair->before, vendor);
    for (guint i = 0; i < pair->before->leaves->len; i++) {
        const struct probe_leaf *row = &g_array_index(pair->before->leaves, struct probe_leaf, i);
        const struct probe_leaf *found = transcript_find_leaf(pair->after, row->leaf, row->subleaf);
        if (found != NULL) {
            compare_leaf(pair, row, found, vendor);
        }
    }
    compare_presence(pair, true);
    compare_presence(pair, false);
}

static char *format_msr(const struct probe_msr *msr)
{
    return msr == NULL         ? g_strdup("not there")
           : !msr->is_readable ? g_strdup("not readable")
                               : g_strdup_printf("%08x%08x", msr->high, msr->low);
}

static void compare_msr(const struct pair *pair, uint32_t index)
{
    g_autofree char *old = format_msr(transcript_find_msr(pair->before, index));
    g_autofree char *new = format_msr(transcript_find_msr(pair->after, index));
    if (!g_str_equal(old, new)) {
        add(pair, g_strdup_printf("msr %08x", index), old, new);
    }
}

static void compare_msrs(const struct pair *pair)
{
    for (guint i = 0; i < pair->before->msrs->len; i++) {
        compare_msr(pair, g_array_index(pair->before->msrs, struct probe_msr, i).index);
    }
    for (guint i = 0; i < pair->after->msrs->len; i++) {
        uint32_t index = g_array_index(pair->after->msrs, struct probe_msr, i).index;
        if (transcript_find_msr(pair->before, index) == NULL) {
            compare_msr(pair, index);
        }
    }
}

static const char *const outcomes[] = {
    [PROBE_OK] = "right",
    [PROBE_FAULT] = "exception",
    [PROBE_WRONG] = "wrong",
    [PROBE_SKIPPED] = "skipped",
};

static const char *find_outcome(const probe_vcpu *vcpu, const char *name)
{
    const struct probe_set *set = transcript_find_set(vcpu, name);
    return set == NULL ? "not tried" : outcomes[set->outcome];
}

/// The guest's command line names the sets, so that both readings try the same unless one is
/// damaged.
static void compare_sets(const struct pair *pair)
{
    for (guint i = 0; i < pair->before->sets->len; i++) {
        const char *name = g_array_index(pair->before->sets, struct probe_set, i).name;
        const char *old = find_outcome(pair->before, name);
        const char *new = find_outcome(pair->after, name);
        if (!g_str_equal(old, new)) {
            add(pair, g_strdup_printf("set %s", name), old, new);
        }
    }
}

void difference_find(const probe_vcpu *before, const probe_vcpu *after, bool is_other,
                     const char *prefix, GPtrArray *differences)
{
    const struct pair pair = {before, after, is_other, prefix, differences};
    compare_leaves(&pair);
    if (before->xcr0 != after->xcr0) {
        g_autofree char *old = g_strdup_printf("%" G_GINT64_MODIFIER "x", before->xcr0);
        g_autofree char *new = g_strdup_printf("%" G_GINT64_MODIFIER "x", after->xcr0);
        add(&pair, g_strdup("xcr0"), old, new);
    }
    compare_msrs(&pair);
    compare_sets(&pair);
}

void difference_find_all(const transcript *before, const transcript *after, GPtrArray *differences)
{
    for (guint i = 0; i < MAX(before->vcpus->len, after->vcpus->len); i++) {
        const probe_vcpu *old = transcript_get_vcpu(before, i);
        const probe_vcpu *new = transcript_get_vcpu(after, i);
        g_autofree char *name = g_strdup_printf("vCPU %u", i);
        if (old == NULL || new == NULL) {
            proof_add_difference(differences, name, to_presence(old != NULL),
                                 to_presence(new != NULL));
        } else {
            g_autofree char *prefix = i == 0 ? g_strdup("") : g_strconcat(name, " ", NULL);
            difference_find(old, new, false, prefix, differences);
        }
    }
}
