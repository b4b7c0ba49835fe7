// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/plan.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "core/machine.h"
#include "core/policy.h"
#include "core/variant.h"

#include <fnmatch.h>
#include <string.h>

#define PLAN(member) RECORD_AT(cpulift_plan, member)
#define NAMES        &record_strings, .flags = RECORD_NAMES
#define BITS         .min = CPU_PHYS_BITS_MIN, .max = CPU_PHYS_BITS_MAX
#define MANY(part)   &record_list, .record = (part)

static const struct record guests_record = {
    RECORD_ROWS({"only", &record_strings, PLAN(guests.only), RECORD_ALWAYS | RECORD_TEXT,
                 .meaning = "patterns of the names of guests that are tuned; none: all are"},
                {"skip", &record_strings, PLAN(guests.skip), RECORD_ALWAYS | RECORD_TEXT,
                 .meaning = "patterns of those that are not"},
                {"strict", &record_bool, PLAN(guests.is_strict), RECORD_ALWAYS,
                 .meaning = "a guest that cannot be tuned must not start"},
                {"respect", &record_bool, PLAN(guests.is_respectful),
                 .meaning =
                     "one that asks for a CPU mode of its own (host-passthrough, host-model, "
                     "maximum) is left alone"}),
};

#define FEATURE(member) RECORD_AT(struct plan_guest_feature, member)

RECORD_ITEM(guest_feature_record, struct plan_guest_feature,
            {"feature", &record_name, FEATURE(feature), RECORD_REQUIRED},
            {"cause", &record_name, FEATURE(cause), RECORD_REQUIRED,
             .meaning = "what decides: `topology` (more than one logical CPU in a socket), `pmu`, "
                        "`cpu-pm`, `model`"},
            {"given", &record_bool, FEATURE(is_given), RECORD_ALWAYS,
             .meaning = "every host gives it to a guest that is configured for it"})

static const struct record qemu_record = {
    RECORD_ROWS({"min", &record_version, PLAN(qemu.min), .meaning = "the oldest"},
                {"max", &record_version, PLAN(qemu.max), .meaning = "the newest"},
                {"unknown", &record_uint, PLAN(qemu.unknown), .max = G_MAXUINT32,
                 .meaning = "so many hosts do not say theirs"}),
};

static const struct record signature_record = {
    RECORD_ROWS({"family", &record_uint, .max = CPU_SIGNATURE_MAX},
                {"model", &record_uint, .max = CPU_SIGNATURE_MAX},
                {"stepping", &record_uint, .max = CPU_SIGNATURE_MAX})};

static const struct record others_record = {
    RECORD_ROWS({"against", &record_string, .flags = RECORD_REQUIRED}, {"models", NAMES})};

static const struct record model_choice_record = {
    RECORD_ROWS({"hides", NAMES,
                 .meaning = "vulnerabilities that some host has and guests of this model do not "
                            "know of, as the kernel's files call them"},
                {"others", MANY(&others_record),
                 .meaning = "the other models of the pool's vendor, by what stood against them"})};

static const struct record seal_record = {
    RECORD_ROWS({"covers", &record_strings, .flags = RECORD_REQUIRED | RECORD_NAMES,
                 .meaning = "members of the plan: all that guests are started with"},
                {"ed25519", &record_string, .flags = RECORD_REQUIRED,
                 .meaning = "signature (RFC 8032), in base64, of an object of these members alone, "
                            "in one line with sorted keys"})};

static const struct record next_level_record = {
    RECORD_ROWS({"level", &record_name, RECORD_CHECKED}, {"missing", NAMES})};

static const struct record kind_record = {RECORD_ROWS(
    {"hosts", NAMES}, {"extra", NAMES, .meaning = "features beyond what all hosts share"},
    {"cpu", &record_string, RECORD_CHECKED}, {"vendor", &record_string, RECORD_CHECKED},
    {"libvirt", &record_version, RECORD_CHECKED}, {"qemu", &record_version, RECORD_CHECKED},
    {"kernel", &record_version, RECORD_CHECKED}, {"microcode", &record_uint, RECORD_CHECKED},
    {"canonical_machine", &record_string, RECORD_CHECKED})};

static const record_row index_row = {.kind = &record_uint};

const struct record plan_loss_record = {
    RECORD_ROWS({"feature", &record_name, .flags = RECORD_REQUIRED},
                {"hosts", NAMES, .meaning = "that cost it: the first 100 by name"},
                {"host_count", &record_uint, .meaning = "all that cost it"},
                {"kinds", &record_json, .each = &index_row, .meaning = "all, as indices"},
                {"policy", &record_name,
                 .meaning = "where policy would leave it out anyway; `unknown`: not a "
                            "name of the catalogue"})};

const struct record plan_omitted_record = {RECORD_ROWS(
    {"feature", &record_name, .flags = RECORD_REQUIRED},
    {"reason", &record_name, .flags = RECORD_REQUIRED, .meaning = "one of the reasons below"},
    {"needs", &record_name, .meaning = "what a `dependency` lacks"})};

static const struct record warning_record = {RECORD_ROWS(
    {"code", &record_name, .flags = RECORD_REQUIRED,
     .meaning = "`hazard`, `hidden`, `level`, `mitigation`, `mixed-vendor`, `phys-bits`, "
                "`qemu-range`, `silicon`, `vendor`, `vulnerable`"},
    {"text", &record_string, .flags = RECORD_REQUIRED}, {"features", NAMES},
    {"hosts", NAMES, .meaning = "the first 100 by name"},
    {"host_count", &record_uint, RECORD_CHECKED})};

const struct record plan_record = {
    .schema = PLAN_SCHEMA,
    RECORD_ROWS(
        {"pool", &record_name, PLAN(pool), RECORD_REQUIRED},
        {"variant", &record_name, PLAN(variant), RECORD_REQUIRED,
         .meaning =
             "`tuned`, `default` (an untuned platform), or of the 2014 paper `paper-default` "
             "and `paper`, before and after"},
        {"arch", &record_name, RECORD_CHECKED},
        {"virt", &record_name, PLAN(virt), RECORD_REQUIRED, .words = machine_virts,
         .meaning = "what it is for"},
        {"machine", &record_name, PLAN(machine), RECORD_REQUIRED},
        {"definition", &record_pointer, PLAN(cpu), RECORD_REQUIRED,
         .record = &cpu_definition_record, .meaning = "the `<cpu>` element"},
        {"features", &record_strings, PLAN(features), RECORD_ALWAYS | RECORD_NAMES,
         .meaning = "every feature that a guest of this plan sees"},
        {"signature", &record_json, .record = &signature_record,
         .meaning = "what QEMU shows for the model"},
        {"model_choice", &record_json, .record = &model_choice_record,
         .meaning = "why this model and not another"},
        {"level", &record_name, .flags = RECORD_NULL,
         .meaning = "the x86-64 level reached; null: none"},
        {"next_level", &record_json, .record = &next_level_record,
         .meaning = "the next, and what is missing"},
        {"phys_bits", &record_uint, PLAN(phys_bits), BITS,
         .meaning = "the pool's smallest physical-address width"},
        {"host_count", &record_uint, .meaning = "how many hosts"},
        {"left_out_hosts", NAMES, .meaning = "by `--without`"},
        {"kinds", MANY(&kind_record), .meaning = "hosts that are alike but for the name"},
        {"losses", MANY(&plan_loss_record),
         .meaning = "each feature that some host has and not all"},
        {"omitted", MANY(&plan_omitted_record),
         .meaning = "each feature that all hosts have and the plan leaves out"},
        {"policy", &record_json, .record = &policy_record,
         .meaning = "the policy that was applied"},
        {"warnings", MANY(&warning_record), .meaning = "one for each cause and set of hosts"},
        {"guest_features", &record_list, PLAN(guest_features), .record = &guest_feature_record,
         .meaning = "features that follow from the guest's own configuration: `rewrite` finishes "
                    "the definition for it"},
        {"qemu", &record_object, .record = &qemu_record, .meaning = "the hosts' versions of QEMU"},
        {"guests", &record_object, .record = &guests_record,
         .meaning = "only in the hooks' plan: which guests"},
        {"seal", &record_json, .record = &seal_record, .meaning = "by `--sign`"}),
    .size = sizeof(cpulift_plan),
};

/// A definition says of a feature once what guests get of it.
static int check_features(const cpulift_cpu *cpu, const char *name, cpulift_error **err)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (!g_hash_table_add(seen, cpu->features[i].name)) {
            return cpulift_error_set(
                err, CPULIFT_EINPUT,
                "'%s': the definition says twice what guests get of feature '%s'", name,
                cpu->features[i].name);
        }
    }
    return 0;
}

/// A loss names kinds by their places in the list of them, where there is one.
static int check_losses(const json_t *json, const char *name, cpulift_error **err)
{
    const json_t *kinds = json_object_get(json, "kinds"), *loss, *kind;
    size_t count = json_array_size(kinds), l, k;
    if (kinds == NULL) {
        return 0;
    }
    json_array_foreach (json_object_get(json, "losses"), l, loss) {
        json_array_foreach (json_object_get(loss, "kinds"), k, kind) {
            if ((size_t)json_integer_value(kind) >= count) {
                return cpulift_error_set(
                    err, CPULIFT_EINPUT,
                    "'%s': \"losses[%zu].kinds[%zu]\" is none of the %zu kinds", name, l, k, count);
            }
        }
    }
    return 0;
}

/// A range that begins behind its end holds nothing.
static int check_qemu(const cpulift_plan *plan, const char *name, cpulift_error **err)
{
    const char *min = plan->qemu.min, *max = plan->qemu.max;
    return min == NULL || max == NULL || text_parse_version(min) <= text_parse_version(max)
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s': \"qemu.min\" (%s) is newer than \"qemu.max\" (%s)", name,
                                   min, max);
}

int plan_from_json(json_t *json, const char *name, cpulift_plan **ret_plan, cpulift_error **err)
{
    g_autoptr(cpulift_plan) plan = record_new(&plan_record);
    plan->document = json_incref(json);
    TRY(record_parse(&plan_record, json, name, NULL, plan, err));
    TRY(check_features(plan->cpu, name, err));
    TRY(check_losses(json, name, err));
    TRY(check_qemu(plan, name, err));
    plan->features = plan->features != NULL ? plan->features : g_new0(char *, 1);
    plan->feature_count = g_strv_length(plan->features);
    *ret_plan = g_steal_pointer(&plan);
    return 0;
}

int plan_parse(const char *text, size_t len, const char *name, cpulift_plan **ret_plan,
               cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    TRY(json_parse_text(text, len, name, &json, err));
    return plan_from_json(json, name, ret_plan, err);
}

int plan_load(const char *path, cpulift_plan **ret_plan, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    TRY(file_load(path, PLAN_FILE_MAX, &text, &len, err));
    if (text[strspn(text, " \t\r\n")] == '<') {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is XML where a plan (" PLAN_SCHEMA
                                 ") is expected; 'cpulift plan' makes one",
                                 path);
    }
    return plan_parse(text, len, path, ret_plan, err);
}

/// Features that a host gives or not as it likes: libvirt leaves out what is `optional`, and
/// `force` shows what is not there.
static const struct cpu_feature *find_loose(const cpulift_cpu *cpu)
{
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (cpu->features[i].policy != CPU_REQUIRE && cpu->features[i].policy != CPU_DISABLE) {
            return &cpu->features[i];
        }
    }
    return NULL;
}

int plan_check_promise(const cpulift_plan *plan, const char *name, cpulift_error **err)
{
    const cpulift_cpu *cpu = plan->cpu;
    const char *const needed[][3] = {{"mode", cpu->mode, "custom"},
                                     {"match", cpu->match, "exact"},
                                     {"check", cpu->check, "full"},
                                     {"fallback", cpu->fallback, "forbid"}};
    if (variant_find(plan->variant) != NULL) {
        return 0;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (g_strcmp0(needed[i][1], needed[i][2]) != 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s': \"definition.%s\" is not %s: guests could start with "
                                     "less than this plan promises; 'cpulift plan' makes one that "
                                     "binds",
                                     name, needed[i][0], needed[i][2]);
        }
    }
    const struct cpu_feature *loose = find_loose(cpu);
    return loose == NULL
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s': \"definition\" neither requires nor disables '%s': what "
                                   "guests get of it would depend on their host; 'cpulift plan' "
                                   "makes one that binds",
                                   name, loose->name);
}

unsigned plan_get_width(const cpulift_plan *plan)
{
    unsigned known = strcmp(plan->virt, "kvm") == 0 ? plan->phys_bits : 0;
    return plan->cpu->phys_bits != 0 ? plan->cpu->phys_bits : known;
}

char *plan_describe_width(const cpulift_plan *plan)
{
    unsigned width = plan_get_width(plan);
    return width == 0 || plan->cpu->phys_bits != 0
               ? NULL
               : g_strdup_printf("the plan's hosts have physical addresses of %u bits, which its "
                                 "definition does not state: guests get " PLAN_QEMU_WIDTH
                                 ", and may not start or migrate everywhere; plan again with the "
                                 "libvirt of every host known, and new enough",
                                 width);
}

void plan_free(cpulift_plan *plan)
{
    if (plan != NULL) {
        json_decref(plan->document);
        record_free(&plan_record, plan);
    }
}

/// True when one of the patterns fits; `otherwise` when there is none.
static bool fits(char *const *patterns, const char *guest, bool otherwise)
{
    if (patterns == NULL || *patterns == NULL) {
        return otherwise;
    }
    while (*patterns != NULL && fnmatch(*patterns, guest, 0) != 0) {
        patterns++;
    }
    return *patterns != NULL;
}

bool plan_means_guest(const cpulift_plan *plan, const char *guest)
{
    return fits(plan->guests.only, guest, true) && !fits(plan->guests.skip, guest, false);
}
