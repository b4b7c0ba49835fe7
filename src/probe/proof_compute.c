// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a guest read of its own CPU, compared with a plan.
#include "probe/proof.h"
#include "probe/state.h"

#include <string.h>

/// What the comparison works on.
struct comparison {
    const catalog *map;
    const cpulift_plan *plan;
    const transcript *record;
    char vendor[TRANSCRIPT_VENDOR_SIZE]; ///< the guest's
    proof *proof;
};

/// The bits of one word as the guest reads them; 0 where it has no such word.
static uint32_t read_word(const struct comparison *c, const struct feature_bit *bit, unsigned reg)
{
    if (bit->is_msr) {
        const struct probe_msr *msr = transcript_find_msr(c->record, bit->leaf);
        bool is_readable = msr != NULL && msr->is_readable;
        return !is_readable ? 0 : reg == 0 ? msr->low : reg == 3 ? msr->high : 0;
    }
    const struct probe_leaf *row = transcript_find_leaf(c->record, bit->leaf, bit->subleaf);
    return row == NULL ? 0 : row->regs[reg];
}

static bool is_announced(const struct comparison *c, const struct catalog_feature *feature)
{
    for (size_t i = 0; i < feature->bit_count; i++) {
        for (unsigned reg = 0; reg < 4; reg++) {
            uint32_t bits = feature->bits[i].regs[reg];
            if ((read_word(c, &feature->bits[i], reg) & bits) != bits) {
                return false;
            }
        }
    }
    return feature->bit_count > 0;
}

static const char *find_feature_state(const struct comparison *c,
                                      const struct catalog_feature *feature)
{
    for (size_t i = 0; i < feature->bit_count; i++) {
        const struct feature_bit *bit = &feature->bits[i];
        for (unsigned reg = 0; reg < 4 && !bit->is_msr; reg++) {
            const char *why = bit->regs[reg] == 0 ? NULL
                                                  : state_find(bit->leaf, bit->subleaf, reg,
                                                               bit->regs[reg], c->vendor);
            if (why != NULL) {
                return why;
            }
        }
    }
    return NULL;
}

static void compare_features(struct comparison *c, const feature_set *expected)
{
    for (size_t id = 0; id < catalog_feature_count(c->map); id++) {
        const struct catalog_feature *feature = catalog_get_feature(c->map, id);
        bool is_planned = feature_set_has(expected, id);
        if (feature->bit_count == 0 || is_planned == is_announced(c, feature)) {
            continue;
        }
        const char *why = find_feature_state(c, feature);
        if (why != NULL) {
            proof_add_note(c->proof->notes, feature->name, why);
        } else {
            g_ptr_array_add(is_planned ? c->proof->missing : c->proof->extra,
                            g_strdup(feature->name));
        }
    }
}

/// The bits of this word that the catalogue has names for; 0: it announces no features.
static uint32_t find_named_bits(const catalog *map, const struct probe_leaf *row, unsigned reg)
{
    uint32_t named = 0;
    for (size_t id = 0; id < catalog_feature_count(map); id++) {
        const struct catalog_feature *feature = catalog_get_feature(map, id);
        for (size_t i = 0; i < feature->bit_count; i++) {
            const struct feature_bit *bit = &feature->bits[i];
            if (!bit->is_msr && bit->leaf == row->leaf && bit->subleaf == row->subleaf) {
                named |= bit->regs[reg];
            }
        }
    }
    return named;
}

/// Bits that are set beside the features of a word and have no name in the installed map: no
/// definition can hide them.
static void compare_nameless(struct comparison *c, const struct probe_leaf *row, unsigned reg)
{
    uint32_t named = find_named_bits(c->map, row, reg);
    uint32_t nameless = named == 0 ? 0 : row->regs[reg] & ~named;
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t mask = UINT32_C(1) << bit;
        if ((nameless & mask) != 0 &&
            state_find(row->leaf, row->subleaf, reg, mask, c->vendor) == NULL) {
            g_ptr_array_add(c->proof->extra,
                            g_strdup_printf("cpuid-%08x-%x-%s-%u", row->leaf, row->subleaf,
                                            proof_reg_name(reg), bit));
        }
    }
}

/// Family, model and stepping as CPUID leaf 1 encodes them. Source: Intel SDM volume 2, CPUID.
static void decode_signature(uint32_t eax, unsigned *ret_family, unsigned *ret_model)
{
    *ret_family = (eax >> 8 & 0xf) + ((eax >> 8 & 0xf) == 0xf ? eax >> 20 & 0xff : 0);
    *ret_model = (eax >> 4 & 0xf) | (*ret_family >= 6 ? eax >> 12 & 0xf0 : 0);
}

static void compare_signature(struct comparison *c)
{
    const struct catalog_model *model = catalog_find_model(c->map, c->plan->cpu->model);
    const struct probe_leaf *row = transcript_find_leaf(c->record, 1, 0);
    if (model == NULL || model->family == 0 || row == NULL) {
        return;
    }
    unsigned family = 0, number = 0;
    decode_signature(row->regs[0], &family, &number);
    if (family != model->family || number != model->model) {
        g_autofree char *expected =
            g_strdup_printf("family %u model %u", model->family, model->model);
        g_autofree char *found = g_strdup_printf("family %u model %u", family, number);
        proof_add_difference(c->proof->wrong, "signature", expected, found);
    }
}

static void compare_vendor(struct comparison *c)
{
    const char *name = c->plan->cpu->vendor;
    const struct catalog_vendor *vendor = name ? catalog_find_vendor(c->map, name) : NULL;
    if (vendor != NULL && strcmp(vendor->string, c->vendor) != 0) {
        proof_add_difference(c->proof->wrong, "vendor", vendor->string, c->vendor);
    }
}

static void compare_width(struct comparison *c)
{
    const struct probe_leaf *row = transcript_find_leaf(c->record, 0x80000008, 0);
    unsigned found = row == NULL ? 36 : row->regs[0] & 0xff;
    unsigned expected = c->plan->cpu->phys_bits;
    if (expected != 0 && found != expected) {
        g_autofree char *wanted = g_strdup_printf("%u", expected);
        g_autofree char *got = g_strdup_printf("%u", found);
        proof_add_difference(c->proof->wrong, "physical address bits", wanted, got);
    }
}

static void take_set(struct comparison *c, const struct probe_set *set)
{
    g_autofree char *why = NULL;
    switch (set->outcome) {
    case PROBE_OK:
        g_ptr_array_add(c->proof->executed, g_strdup(set->name));
        return;
    case PROBE_SKIPPED:
        proof_add_note(c->proof->notes, set->name, "not executed: it needs a CPU with long mode");
        return;
    case PROBE_FAULT:
        why = g_strdup_printf("exception %u", set->value);
        break;
    case PROBE_WRONG:
        why = g_strdup_printf("wrong result 0x%08x", set->value);
        break;
    }
    proof_add_note(c->proof->faulted, set->name, why);
}

/// Every set that the guest was told of must have been tried.
static void compare_sets(struct comparison *c)
{
    g_autofree char *list = proof_format_sets(c->plan);
    g_auto(GStrv) names = g_strsplit(list, ",", -1);
    for (size_t n = 0; names[n] != NULL; n++) {
        const struct probe_set *found = transcript_find_set(c->record, names[n]);
        if (found != NULL) {
            take_set(c, found);
        } else {
            proof_add_note(c->proof->faulted, names[n], "not tried");
        }
    }
}

static int expect_features(const catalog *map, const cpulift_plan *plan, feature_set *ret_set,
                           cpulift_error **err)
{
    feature_set set = {{0}};
    for (size_t i = 0; i < plan->feature_count; i++) {
        TRY(catalog_add_feature(map, plan->features[i], "the plan", &set, err));
    }
    *ret_set = set;
    return 0;
}

static void compare_all(struct comparison *c, const feature_set *expected)
{
    transcript_get_vendor(c->record, c->vendor);
    compare_features(c, expected);
    for (guint i = 0; i < c->record->leaves->len; i++) {
        const struct probe_leaf *row = &g_array_index(c->record->leaves, struct probe_leaf, i);
        for (unsigned reg = 0; reg < 4; reg++) {
            compare_nameless(c, row, reg);
        }
    }
    compare_vendor(c);
    compare_signature(c);
    compare_width(c);
    compare_sets(c);
}

static void add_reason(proof *result, const char *format, const char *why)
{
    if (why != NULL) {
        g_ptr_array_add(result->reasons, g_strdup_printf("%s: %s", format, why));
    }
}

static void compare_record(struct comparison *c, const probe_run *run, const feature_set *expected)
{
    g_autoptr(transcript) record = NULL;
    g_autoptr(cpulift_error) why = NULL;
    if (run->text == NULL || run->len == 0) {
        return;
    }
    if (transcript_parse(run->text, run->len, NULL, &record, &why) != 0) {
        g_ptr_array_add(c->proof->reasons, g_strdup(why->message));
        return;
    }
    add_reason(c->proof, "the guest gave up", record->panic);
    if (record->has_cpuid) {
        c->record = record;
        compare_all(c, expected);
        c->record = NULL;
    }
    if (!record->is_complete && run->hang == NULL && record->panic == NULL) {
        g_ptr_array_add(c->proof->reasons, g_strdup("the guest did not finish"));
    }
}

static void add_unplanned(proof *result, char **names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        add_reason(result, "the running domain disables what the plan does not", names[i]);
    }
}

int proof_compute(const catalog *map, const cpulift_plan *plan, const probe_run *run,
                  proof **ret_proof, cpulift_error **err)
{
    feature_set expected;
    TRY(expect_features(map, plan, &expected, err));
    g_autoptr(proof) made = proof_new(plan, run);
    struct comparison c = {.map = map, .plan = plan, .proof = made};
    add_reason(made, "the definition was refused", run->refusal);
    add_reason(made, "guest hung", run->hang);
    add_unplanned(made, run->unplanned);
    compare_record(&c, run, &expected);
    if (made->reasons->len == 0 && made->executed->len == 0 && run->len == 0) {
        g_ptr_array_add(made->reasons, g_strdup("the guest printed nothing"));
    }
    made->is_proved = made->missing->len == 0 && made->extra->len == 0 && made->wrong->len == 0 &&
                      made->faulted->len == 0 && made->reasons->len == 0;
    *ret_proof = g_steal_pointer(&made);
    return 0;
}
