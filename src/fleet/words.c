// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/judging.h"

#include "core/host_model.h"
#include "core/planner_define.h"

#include <string.h>

/// Where the width is a host's, another host gives another without a word.
static void judge_host_width(const struct judging *j, unsigned gives_bits)
{
    const struct fleet_width *width = &j->guest->width;
    unsigned has = width->host_has, gives = gives_bits;
    if (width->max != 0) {
        has = MIN(has, width->max);
        gives = MIN(gives, width->max);
    }
    if (has == 0 || gives == 0) {
        judging_add(j, FLEET_UNKNOWN, "width", "that of the host where it started");
    } else if (has != gives) {
        judging_add(j, FLEET_NO, "width", "%u bits would be %u", has, gives);
    }
}

void judge_width(const struct judging *j)
{
    const struct fleet_width *width = &j->guest->width;
    unsigned bits = j->guest->cpu != NULL ? j->guest->cpu->phys_bits : 0;
    bool is_kvm = strcmp(j->guest->virt, "kvm") == 0;
    if (j->entry == NULL || (bits == 0 && !width->is_said && !width->is_hosts)) {
        return;
    }
    unsigned gives_bits = host_get_width(j->target, j->entry);
    if (width->is_odd) {
        judging_add(j, FLEET_UNKNOWN, "width", "its <maxphysaddr> is not understood");
    } else if ((bits != 0 || width->is_said) && !planner_takes_width(j->target->libvirt_version)) {
        judging_add(j, j->target->libvirt_version != NULL ? FLEET_NO : FLEET_UNKNOWN, "libvirt",
                    "it cannot state a width (%s)",
                    j->target->libvirt_version != NULL ? j->target->libvirt_version
                                                       : "version not known");
    } else if (width->is_hosts && is_kvm) { // QEMU's own emulation has one width
        judge_host_width(j, gives_bits);
    } else if (is_kvm && gives_bits < bits) {
        judging_add(j, gives_bits != 0 ? FLEET_NO : FLEET_UNKNOWN, "width", "%u bits of %u",
                    gives_bits, bits);
    }
}

/// Whether libvirt of this version (0: not known) knows the word, whatever stands before it: live
/// XML lists what is off, too. Of what came between the maps of CATALOG_OLD and
/// CATALOG_NEWER_SINCE nobody here knows when; of what came later, only who gives it.
static enum fleet_can find_word(const struct judging *j, const char *name, unsigned libvirt)
{
    bool is_newer = catalog_is_newer_name(name);
    if (!is_newer && catalog_find_installed(j->map, name) >= 0) {
        return FLEET_YES;
    }
    bool is_given = j->entry != NULL && judging_gives(j, name);
    bool has_map = libvirt >= judging_parse_version(CATALOG_NEWER_SINCE);
    return is_given || (is_newer && has_map)                            ? FLEET_YES
           : has_map || libvirt == 0                                    ? FLEET_UNKNOWN
           : !is_newer || libvirt <= judging_parse_version(CATALOG_OLD) ? FLEET_NO
                                                                        : FLEET_UNKNOWN;
}

/// More vmx-* than an owner states: libvirt lists what its model has, and lets it go where the
/// guest migrates to one that does not know it. Source: qemuDomainMakeCPUMigratable of 9.10 on.
#define VMX_LISTED 10

static bool is_listed_vmx(const struct cpu_feature *feature)
{
    return g_str_has_prefix(feature->name, "vmx-") && cpu_is_off(feature->policy);
}

/// The features whose words have to be known.
static GPtrArray *list_words(const cpulift_cpu *cpu)
{
    GPtrArray *words = g_ptr_array_new();
    size_t vmx = 0;
    for (size_t i = 0; i < cpu->feature_count; i++) {
        vmx += is_listed_vmx(&cpu->features[i]);
    }
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (vmx < VMX_LISTED || !is_listed_vmx(&cpu->features[i])) {
            g_ptr_array_add(words, cpu->features[i].name);
        }
    }
    return words;
}

void judge_words(const struct judging *j)
{
    if (j->guest->cpu == NULL) {
        return;
    }
    g_autoptr(GPtrArray) words = list_words(j->guest->cpu);
    unsigned libvirt = judging_parse_version(j->target->libvirt_version);
    g_autoptr(GPtrArray) refused = g_ptr_array_new(), unsure = g_ptr_array_new();
    for (size_t i = 0; i < words->len; i++) {
        enum fleet_can can = find_word(j, words->pdata[i], libvirt);
        if (can != FLEET_YES) {
            g_ptr_array_add(can == FLEET_NO ? refused : unsure, words->pdata[i]);
        }
    }
    judging_add_list(j, FLEET_NO, "libvirt", refused);
    judging_add_list(j, FLEET_UNKNOWN, "libvirt", unsure);
}

/// What a guest forbids and the host gives is refused where libvirt's host-model names it; where it
/// is the host-model's named model that has it, libvirt does not look. Source:
/// virCPUCheckForbiddenFeatures, seen with libvirt 9.0 and 11.3.
void judge_forbidden(const struct judging *j)
{
    const cpulift_cpu *cpu = j->guest->cpu;
    g_autoptr(GPtrArray) refused = g_ptr_array_new(), unsure = g_ptr_array_new();
    for (size_t i = 0; j->entry != NULL && cpu != NULL && i < cpu->feature_count; i++) {
        const struct cpu_feature *one = &cpu->features[i];
        int id = catalog_find_feature(j->map, one->name);
        if (one->policy != CPU_FORBID || !judging_gives(j, one->name)) {
            continue;
        }
        enum host_model_word word =
            id >= 0 ? host_model_find(j->target, j->entry, j->map, (size_t)id) : HOST_MODEL_NAMES;
        if (word != HOST_MODEL_IMPLIES) {
            g_ptr_array_add(word == HOST_MODEL_NAMES ? refused : unsure, one->name);
        }
    }
    judging_add_list(j, FLEET_NO, "libvirt", refused);
    judging_add_list(j, FLEET_UNKNOWN, "libvirt", unsure);
}
