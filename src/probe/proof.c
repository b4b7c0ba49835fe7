// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/proof.h"

#include "config.h"

#include <string.h>
#include <sys/utsname.h>

static const char *const set_names[] = {
#define PROBE_SET(id, name, expected, ...)   name,
#define PROBE_SET64(id, name, expected, ...) name,
#include "probe/guest/sets.def"
};

static const char *const reg_names[] = {"eax", "ebx", "ecx", "edx"};

#define DIFFERENCE(member) RECORD_AT(struct proof_difference, member)
#define NOTE(member)       RECORD_AT(struct proof_note, member)
#define GROUP(member)      RECORD_AT(struct proof_group, member)
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

RECORD_ITEM(unlike_record, struct proof_difference,
            {"what", &record_string, DIFFERENCE(what), RECORD_REQUIRED,
             .meaning = "as `hops[].changed[].what`; what each vCPU has of its own, such as the "
                        "number of its local APIC, is left out"},
            {"vcpu_0", &record_string, DIFFERENCE(expected), RECORD_REQUIRED,
             .meaning = "what vCPU 0 has"},
            {"found", &record_string, DIFFERENCE(found), RECORD_REQUIRED,
             .meaning = "what these have"})

RECORD_ITEM(group_record, struct proof_group,
            {"vcpus", &record_string, GROUP(vcpus), RECORD_REQUIRED,
             .meaning = "in the order of their local APICs' numbers: `1,4-7`"},
            {"missing", &record_array, GROUP(missing), NAMES},
            {"extra", &record_array, GROUP(extra), NAMES},
            {"wrong", &record_list, GROUP(wrong), RECORD_REQUIRED, .record = &wrong_record},
            {"faulted", &record_list, GROUP(faulted), RECORD_REQUIRED, .record = &faulted_record},
            {"unlike", &record_list, GROUP(unlike), RECORD_REQUIRED, .record = &unlike_record})

static const char *const verdicts[] = {"no", "yes", NULL};

RECORD_ITEM(hop_record, struct proof_hop,
            {"from", &record_string, HOP(from), RECORD_REQUIRED, .meaning = "a libvirt URI"},
            {"to", &record_string, HOP(to), RECORD_REQUIRED, .meaning = "a libvirt URI"},
            {"verdict", &record_word, HOP(is_proved), RECORD_REQUIRED, .words = verdicts,
             .meaning = "`yes`: the guest sees the plan's CPU at `to`, and nothing changed"},
            {"changed", &record_list, HOP(changed), RECORD_REQUIRED, .record = &changed_record},
            {"reasons", &record_array, HOP(reasons), RECORD_REQUIRED | RECORD_TEXT,
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
        {"pool", &record_name, PROOF(pool), RECORD_REQUIRED, .meaning = "the plan's"},
        {"variant", &record_name, PROOF(variant), RECORD_REQUIRED, .meaning = "the plan's"},
        {"virt", &record_name, PROOF(virt), RECORD_REQUIRED, .meaning = "what the guest ran on"},
        {"machine", &record_name, PROOF(machine), RECORD_REQUIRED},
        {"through", &record_string, PROOF(through), RECORD_REQUIRED,
         .meaning = "how it was started: a libvirt URI, `QEMU inside this process "
                    "(qemu:///embed)` or `QEMU itself`"},
        {"verdict", &record_word, PROOF(is_proved), RECORD_REQUIRED, .words = verdicts,
         .meaning = "`yes`: all lists but `executed` and `notes` are empty"},
        {"shape", &record_object, PROOF(shape), .record = &shape_record, .meaning = "the guest's"},
        {"vcpus_read", &record_uint, PROOF(read), RECORD_ALWAYS,
         .meaning = "how many of its vCPUs told their CPU; the lists below are about the first, "
                    "vCPU 0"},
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
        {"others", &record_list, PROOF(others), .record = &group_record,
         .meaning = "the vCPUs that differ from the plan, or from vCPU 0; those that differ in the "
                    "same way together"},
        {"reasons", &record_array, PROOF(reasons), NAMES | RECORD_TEXT,
         .meaning = "why the answer is no beyond these lists: refused, hung, vCPUs that did not "
                    "come up, disabled in the running XML though not planned"},
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

struct proof_group *proof_new_group(void)
{
    return record_new(&group_record);
}

void proof_free_group(struct proof_group *group)
{
    group_record_free(group);
}

bool proof_is_same_group(const struct proof_group *a, const struct proof_group *b)
{
    struct proof_group one = *a, other = *b;
    one.vcpus = other.vcpus = NULL;
    return record_equal(&group_record, &one, &other, NULL);
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

proof *proof_new(const cpulift_plan *plan, const probe_run *run)
{
    struct utsname kernel;
    proof *made = record_new(&proof_record);
    made->pool = g_strdup(plan->pool);
    made->variant = g_strdup(plan->variant);
    made->virt = g_strdup(run->virt);
    made->machine = g_strdup(run->machine);
    made->through = g_strdup(run->through);
    made->shape = run->shape;
    made->others = g_ptr_array_new_with_free_func(group_record_free);
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
