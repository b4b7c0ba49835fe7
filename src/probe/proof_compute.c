// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a guest read of its own CPU, compared with a plan.
#include "probe/difference.h"
#include "probe/proof.h"
#include "probe/state.h"
#include "probe/wording.h"

#include <string.h>

/// What the comparison of one vCPU works on.
struct comparison {
    const catalog *map;
    const cpulift_plan *plan;
    const feature_set *planned;
    const probe_shape *shape;
    const probe_vcpu *vcpu;
    char vendor[TRANSCRIPT_VENDOR_SIZE]; ///< the guest's
    GPtrArray *missing, *extra, *wrong, *faulted;
    GPtrArray *executed, *notes; ///< NULL: not wanted
};

/// The bits of one word as the guest reads them; 0 where it has no such word.
static uint32_t read_word(const struct comparison *c, const struct feature_bit *bit, unsigned reg)
{
    if (bit->is_msr) {
        const struct probe_msr *msr = transcript_find_msr(c->vcpu, bit->leaf);
        bool is_readable = msr != NULL && msr->is_readable;
        return !is_readable ? 0 : reg == 0 ? msr->low : reg == 3 ? msr->high : 0;
    }
    const struct probe_leaf *row = transcript_find_leaf(c->vcpu, bit->leaf, bit->subleaf);
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

static void note(const struct comparison *c, const char *what, const char *why)
{
    if (c->notes != NULL) {
        proof_add_note(c->notes, what, why);
    }
}

/// Why a guest may see what no definition of the pool states, or the reverse.
static const char *const causes[] = {
    [GUEST_SOCKET] = "it follows from the topology: a socket has several CPUs",
    [GUEST_PMU] = "it follows from the guest's PMU",
    [GUEST_CPU_PM] = "it follows from -overcommit cpu-pm=on",
};

/// Whether a guest of this shape sees a feature that follows from its own configuration. What an
/// elder plan requires QEMU sets whatever the topology, but not whatever the PMU.
static bool is_own(const struct comparison *c, const struct guest_feature *of, bool is_planned)
{
    const struct catalog_vendor *vendor = catalog_find_vendor(c->map, c->vendor);
    const struct domain_guest guest = shape_get_guest(c->shape);
    return (of->cause == GUEST_SOCKET && is_planned) ||
           guest_sees(c->plan, &guest, of, vendor != NULL ? vendor->name : NULL);
}

static void compare_feature(struct comparison *c, const struct catalog_feature *feature,
                            bool is_planned)
{
    const struct guest_feature *of = guest_find_feature(feature->name);
    bool is_guests = of != NULL && of->cause != GUEST_MODEL;
    bool is_there = is_announced(c, feature);
    bool is_expected = is_guests ? is_own(c, of, is_planned) : is_planned;
    const char *why = find_feature_state(c, feature);
    if (is_there == is_expected) {
        if (is_guests && is_there != is_planned) {
            note(c, feature->name, causes[of->cause]);
        }
    } else if (why != NULL) {
        note(c, feature->name, why);
    } else {
        g_ptr_array_add(is_expected ? c->missing : c->extra, g_strdup(feature->name));
    }
}

static void compare_features(struct comparison *c)
{
    for (size_t id = 0; id < catalog_feature_count(c->map); id++) {
        const struct catalog_feature *feature = catalog_get_feature(c->map, id);
        if (feature->bit_count > 0) {
            compare_feature(c, feature, feature_set_has(c->planned, id));
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
            g_ptr_array_add(c->extra, g_strdup_printf("cpuid-%08x-%x-%s-%u", row->leaf,
                                                      row->subleaf, proof_reg_name(reg), bit));
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
    const struct probe_leaf *row = transcript_find_leaf(c->vcpu, 1, 0);
    if (model == NULL || model->family == 0 || row == NULL) {
        return;
    }
    unsigned family = 0, number = 0;
    decode_signature(row->regs[0], &family, &number);
    if (family != model->family || number != model->model) {
        g_autofree char *expected =
            g_strdup_printf("family %u model %u", model->family, model->model);
        g_autofree char *found = g_strdup_printf("family %u model %u", family, number);
        proof_add_difference(c->wrong, "signature", expected, found);
    }
}

static void compare_vendor(struct comparison *c)
{
    const char *name = c->plan->cpu->vendor;
    const struct catalog_vendor *vendor = name ? catalog_find_vendor(c->map, name) : NULL;
    if (vendor != NULL && strcmp(vendor->string, c->vendor) != 0) {
        proof_add_difference(c->wrong, "vendor", vendor->string, c->vendor);
    }
}

static void compare_width(struct comparison *c)
{
    const struct probe_leaf *row = transcript_find_leaf(c->vcpu, 0x80000008, 0);
    unsigned found = row == NULL ? 36 : row->regs[0] & 0xff;
    unsigned expected = c->plan->cpu->phys_bits;
    if (expected != 0 && found != expected) {
        g_autofree char *wanted = g_strdup_printf("%u", expected);
        g_autofree char *got = g_strdup_printf("%u", found);
        proof_add_difference(c->wrong, "physical address bits", wanted, got);
    }
}

static void take_set(struct comparison *c, const struct probe_set *set)
{
    g_autofree char *why = NULL;
    switch (set->outcome) {
    case PROBE_OK:
        if (c->executed != NULL) {
            g_ptr_array_add(c->executed, g_strdup(set->name));
        }
        return;
    case PROBE_SKIPPED:
        note(c, set->name, "not executed: it needs a CPU with long mode");
        return;
    case PROBE_FAULT:
        why = g_strdup_printf("exception %u", set->value);
        break;
    case PROBE_WRONG:
        why = g_strdup_printf("wrong result 0x%08x", set->value);
        break;
    }
    proof_add_note(c->faulted, set->name, why);
}

/// Every set that the guest was told of must have been tried.
static void compare_sets(struct comparison *c)
{
    g_autofree char *list = proof_format_sets(c->plan);
    g_auto(GStrv) names = g_strsplit(list, ",", -1);
    for (size_t n = 0; names[n] != NULL; n++) {
        const struct probe_set *found = transcript_find_set(c->vcpu, names[n]);
        if (found != NULL) {
            take_set(c, found);
        } else {
            proof_add_note(c->faulted, names[n], "not tried");
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

/// Everything that a vCPU of `record` says, against the plan.
static void compare_all(struct comparison *c)
{
    transcript_get_vendor(c->vcpu, c->vendor);
    compare_features(c);
    for (guint i = 0; i < c->vcpu->leaves->len; i++) {
        const struct probe_leaf *row = &g_array_index(c->vcpu->leaves, struct probe_leaf, i);
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

/// A vCPU beside the first, against the plan and the first. The caller's; NULL: it is like the
/// first, and both are as planned.
static struct proof_group *compare_other(const struct comparison *first, const probe_vcpu *vcpu)
{
    struct proof_group *group = proof_new_group();
    struct comparison c = *first;
    c.vcpu = vcpu;
    c.missing = group->missing;
    c.extra = group->extra;
    c.wrong = group->wrong;
    c.faulted = group->faulted;
    c.executed = c.notes = NULL;
    compare_all(&c);
    difference_find(first->vcpu, vcpu, true, "", group->unlike);
    if (group->missing->len + group->extra->len + group->wrong->len + group->faulted->len +
            group->unlike->len ==
        0) {
        g_clear_pointer(&group, proof_free_group);
    }
    return group;
}

/// The group's place in `others`, where one that says the same may stand already.
static guint add_group(GPtrArray *others, struct proof_group *group)
{
    for (guint i = 0; i < others->len; i++) {
        if (proof_is_same_group(others->pdata[i], group)) {
            proof_free_group(group);
            return i;
        }
    }
    g_ptr_array_add(others, group);
    return others->len - 1;
}

/// The indices at which `places` has `place`: "1,4-7". The caller frees it.
static char *format_members(const GArray *places, guint place)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0, end = 0; i < places->len; i = end + 1) {
        end = i;
        if (g_array_index(places, guint, i) != place) {
            continue;
        }
        while (end + 1 < places->len && g_array_index(places, guint, end + 1) == place) {
            end++;
        }
        g_string_append_printf(text, "%s%u", text->len > 0 ? "," : "", i);
        if (end > i) {
            g_string_append_printf(text, "-%u", end);
        }
    }
    return g_string_free(text, FALSE);
}

static void compare_others(const struct comparison *first, const transcript *record, proof *made)
{
    g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; i < made->read; i++) {
        struct proof_group *group =
            i == 0 ? NULL : compare_other(first, transcript_get_vcpu(record, i));
        guint place = group == NULL ? G_MAXUINT : add_group(made->others, group);
        g_array_append_val(places, place);
    }
    for (guint i = 0; i < made->others->len; i++) {
        struct proof_group *group = made->others->pdata[i];
        group->vcpus = format_members(places, i);
    }
}

/// Of a record that ended: the guest waited for each vCPU that it was started with.
static void count_vcpus(proof *made)
{
    if (made->read < made->shape.vcpus) {
        g_ptr_array_add(made->reasons,
                        g_strdup_printf("%u of %u vCPUs did not come up",
                                        made->shape.vcpus - made->read, made->shape.vcpus));
    } else if (made->read > made->shape.vcpus) {
        g_ptr_array_add(made->reasons,
                        g_strdup_printf("the guest has %u vCPUs, and was started with %u",
                                        made->read, made->shape.vcpus));
    }
}

static void compare_vcpus(const transcript *record, struct comparison *c, proof *made)
{
    made->read = transcript_count_read(record);
    if (made->read > 0) {
        c->vcpu = transcript_get_vcpu(record, 0);
        compare_all(c);
        compare_others(c, record, made);
    }
    if (record->is_complete) {
        count_vcpus(made);
    }
}

static void compare_record(struct comparison *c, const probe_run *run, proof *made)
{
    g_autoptr(transcript) record = NULL;
    g_autoptr(cpulift_error) why = NULL;
    if (run->text == NULL || run->len == 0) {
        return;
    }
    if (transcript_parse(run->text, run->len, NULL, &record, &why) != 0) {
        g_ptr_array_add(made->reasons, g_strdup(why->message));
        return;
    }
    add_reason(made, "the guest gave up", record->panic);
    compare_vcpus(record, c, made);
    if (!record->is_complete && run->hang == NULL && record->panic == NULL) {
        g_ptr_array_add(made->reasons, g_strdup("the guest did not finish"));
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
    feature_set planned;
    TRY(expect_features(map, plan, &planned, err));
    g_autoptr(proof) made = proof_new(plan, run);
    struct comparison c = {.map = map,
                           .plan = plan,
                           .planned = &planned,
                           .shape = &made->shape,
                           .missing = made->missing,
                           .extra = made->extra,
                           .wrong = made->wrong,
                           .faulted = made->faulted,
                           .executed = made->executed,
                           .notes = made->notes};
    add_reason(made, "the definition was refused", run->refusal);
    add_reason(made, "guest hung", run->hang);
    add_unplanned(made, run->unplanned);
    compare_record(&c, run, made);
    if (made->reasons->len == 0 && made->executed->len == 0 && run->len == 0) {
        g_ptr_array_add(made->reasons, g_strdup("the guest printed nothing"));
    }
    made->is_proved = made->missing->len == 0 && made->extra->len == 0 && made->wrong->len == 0 &&
                      made->faulted->len == 0 && made->others->len == 0 && made->reasons->len == 0;
    *ret_proof = g_steal_pointer(&made);
    return 0;
}
