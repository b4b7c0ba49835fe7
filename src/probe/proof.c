// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/proof.h"

#include "base/text.h"
#include "config.h"
#include "probe/state.h"

#include <string.h>
#include <sys/utsname.h>

static const char *const set_names[] = {
#define PROBE_SET(id, name, expected, ...)   name,
#define PROBE_SET64(id, name, expected, ...) name,
#include "probe/guest/sets.def"
};

static const char *const reg_names[] = {"eax", "ebx", "ecx", "edx"};

/// What the comparison works on.
struct comparison {
    const catalog *map;
    const cpulift_plan *plan;
    const transcript *record;
    char vendor[TRANSCRIPT_VENDOR_SIZE]; ///< the guest's
    proof *proof;
};

#define DIFFERENCE(member) RECORD_AT(struct proof_difference, member)
#define NOTE(member)       RECORD_AT(struct proof_note, member)
#define HOP(member)        RECORD_AT(struct proof_hop, member)
#define PROOF(member)      RECORD_AT(proof, member)
#define NAMES              RECORD_REQUIRED | RECORD_SORTED

RECORD_ITEM(wrong_record, struct proof_difference,
            {"what", &record_string, DIFFERENCE(what), RECORD_REQUIRED,
             .meaning = "vendor, signature, physical address bits"},
            {"expected", &record_string, DIFFERENCE(expected), RECORD_REQUIRED},
            {"found", &record_string, DIFFERENCE(found), RECORD_REQUIRED})

RECORD_ITEM(changed_record, struct proof_difference,
            {"what", &record_string, DIFFERENCE(what), RECORD_REQUIRED,
             .meaning = "a register as `cpuid LEAF SUBLEAF REGISTER`, `msr INDEX`, `xcr0`, `set "
                        "NAME`; bits that follow the guest's state are left out"},
            {"before", &record_string, DIFFERENCE(expected), RECORD_REQUIRED,
             .meaning = "before the first hop"},
            {"after", &record_string, DIFFERENCE(found), RECORD_REQUIRED,
             .meaning = "after this one"})

RECORD_ITEM(faulted_record, struct proof_note, {"set", &record_string, NOTE(what), RECORD_REQUIRED},
            {"why", &record_string, NOTE(why), RECORD_REQUIRED})

RECORD_ITEM(note_record, struct proof_note, {"what", &record_string, NOTE(what), RECORD_REQUIRED},
            {"why", &record_string, NOTE(why), RECORD_REQUIRED})

static const char *const verdicts[] = {"no", "yes", NULL};

RECORD_ITEM(hop_record, struct proof_hop,
            {"from", &record_string, HOP(from), RECORD_REQUIRED, .meaning = "a libvirt URI"},
            {"to", &record_string, HOP(to), RECORD_REQUIRED, .meaning = "a libvirt URI"},
            {"verdict", &record_word, HOP(is_proved), RECORD_REQUIRED, .words = verdicts,
             .meaning = "`yes`: the guest sees the plan's CPU at `to`, and nothing changed"},
            {"changed", &record_list, HOP(changed), RECORD_REQUIRED, .record = &changed_record},
            {"reasons", &record_array, HOP(reasons), RECORD_REQUIRED,
             .meaning = "why the answer is no beyond that: the migration failed, the guest hung or "
                        "began anew, or is not what was planned"},
            {"downtime_ms", &record_uint, HOP(downtime_ms), RECORD_UNSAID,
             .meaning = "how long the guest stood still, as the target's libvirt measured it; "
                        "absent where it did not"})

static const struct record versions_record = {RECORD_ROWS(
    {"cpulift", &record_string, PROOF(versions.cpulift)},
    {"kernel", &record_string, PROOF(versions.kernel)},
    {"libvirt", &record_string, PROOF(versions.libvirt), .meaning = "where it was used"},
    {"qemu", &record_string, PROOF(versions.qemu)})};

const struct record proof_record = {
    .schema = "cpulift.proof/1",
    RECORD_ROWS(
        {"pool", &record_string, PROOF(pool), RECORD_REQUIRED, .meaning = "the plan's"},
        {"variant", &record_string, PROOF(variant), RECORD_REQUIRED, .meaning = "the plan's"},
        {"virt", &record_string, PROOF(virt), RECORD_REQUIRED, .meaning = "what the guest ran on"},
        {"machine", &record_string, PROOF(machine), RECORD_REQUIRED},
        {"through", &record_string, PROOF(through), RECORD_REQUIRED,
         .meaning = "how it was started: a libvirt URI, `QEMU inside this process "
                    "(qemu:///embed)` or `QEMU itself`"},
        {"verdict", &record_word, PROOF(is_proved), RECORD_REQUIRED, .words = verdicts,
         .meaning = "`yes`: all lists but `executed` and `notes` are empty"},
        {"missing", &record_array, PROOF(missing), NAMES,
         .meaning = "features that only the plan has"},
        {"extra", &record_array, PROOF(extra), NAMES,
         .meaning = "features that only the guest has; a bit that the installed CPU map has no "
                    "name for is `cpuid-LEAF-SUBLEAF-REGISTER-BIT`"},
        {"wrong", &record_list, PROOF(wrong), RECORD_REQUIRED, .record = &wrong_record},
        {"executed", &record_array, PROOF(executed), NAMES,
         .meaning = "the instruction sets of which one instruction ran and gave the right result"},
        {"faulted", &record_list, PROOF(faulted), RECORD_REQUIRED, .record = &faulted_record,
         .meaning = "the others that the plan announces"},
        {"notes", &record_list, PROOF(notes), RECORD_REQUIRED, .record = &note_record,
         .meaning = "differences that do not follow from the definition"},
        {"reasons", &record_array, PROOF(reasons), NAMES,
         .meaning = "why the answer is no beyond these lists: refused, hung, disabled in the "
                    "running XML though not planned"},
        {"versions", &record_object, .flags = RECORD_REQUIRED, .record = &versions_record},
        {"hops", &record_list, PROOF(hops), .record = &hop_record,
         .meaning = "with `--migrate` only, in their order: the live migrations. The members above "
                    "are about the guest before the first"}),
    .size = sizeof(proof),
};

GPtrArray *proof_new_differences(void)
{
    return g_ptr_array_new_with_free_func(wrong_record_free);
}

void proof_add_difference(GPtrArray *list, const char *what, const char *expected,
                          const char *found)
{
    struct proof_difference *row = record_new(&wrong_record);
    *row = (struct proof_difference){g_strdup(what), g_strdup(expected), g_strdup(found)};
    g_ptr_array_add(list, row);
}

void proof_add_note(GPtrArray *notes, const char *what, const char *why)
{
    struct proof_note *note = record_new(&note_record);
    *note = (struct proof_note){g_strdup(what), g_strdup(why)};
    g_ptr_array_add(notes, note);
}

void proof_begin_hops(proof *result)
{
    result->hops = g_ptr_array_new_with_free_func(hop_record_free);
}

struct proof_hop *proof_add_hop(proof *result)
{
    struct proof_hop *hop = record_new(&hop_record);
    g_ptr_array_add(result->hops, hop);
    return hop;
}

const char *proof_reg_name(unsigned reg)
{
    return reg_names[reg];
}

static proof *new_proof(const cpulift_plan *plan, const probe_run *run)
{
    struct utsname kernel;
    proof *made = record_new(&proof_record);
    made->pool = g_strdup(plan->pool);
    made->variant = g_strdup(plan->variant);
    made->virt = g_strdup(run->virt);
    made->machine = g_strdup(run->machine);
    made->through = g_strdup(run->through);
    made->versions.cpulift = g_strdup(CPULIFT_VERSION);
    made->versions.kernel = g_strdup(uname(&kernel) == 0 ? kernel.release : NULL);
    made->versions.libvirt = g_strdup(run->libvirt);
    made->versions.qemu = g_strdup(run->qemu);
    return made;
}

void proof_free(proof *result)
{
    record_free(&proof_record, result);
}

char *proof_format_sets(const cpulift_plan *plan)
{
    GString *names = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(set_names); i++) {
        if (g_strv_contains((const char *const *)plan->features, set_names[i])) {
            g_string_append_printf(names, "%s%s", names->len > 0 ? "," : "", set_names[i]);
        }
    }
    return g_string_free(names, FALSE);
}

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
            g_ptr_array_add(c->proof->extra, g_strdup_printf("cpuid-%08x-%x-%s-%u", row->leaf,
                                                             row->subleaf, reg_names[reg], bit));
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
    g_autoptr(proof) made = new_proof(plan, run);
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
