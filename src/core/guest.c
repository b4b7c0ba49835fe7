// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest.h"

#include "base/text.h"
#include "base/xml.h"

#include <string.h>

/// A count of <topology>: libvirt takes 1 for what is not said.
static unsigned get_count(const xmlNode *topology, const char *attribute)
{
    g_autofree char *text = xml_get_attribute(topology, attribute);
    guint64 count = 0;
    return text != NULL && text_to_uint(text, 65535, &count) && count > 0 ? (unsigned)count : 1;
}

static unsigned count_per_socket(const xmlNode *cpu)
{
    static const char *const parts[] = {"dies", "clusters", "cores", "threads"};
    const xmlNode *topology = cpu != NULL ? xml_find_child(cpu, "topology") : NULL;
    guint64 count = 1;
    for (size_t i = 0; topology != NULL && i < G_N_ELEMENTS(parts); i++) {
        count = MIN(count * get_count(topology, parts[i]), G_MAXUINT32);
    }
    return (unsigned)count;
}

/// <pmu/> alone is on.
static bool has_pmu(const xmlNode *root)
{
    const xmlNode *features = xml_find_child(root, "features");
    const xmlNode *pmu = features != NULL ? xml_find_child(features, "pmu") : NULL;
    g_autofree char *state = pmu != NULL ? xml_get_attribute(pmu, "state") : NULL;
    return pmu != NULL && (state == NULL || strcmp(state, "on") == 0);
}

bool guest_is_cpu_pm(const char *value)
{
    g_auto(GStrv) options = g_strsplit(value, ",", -1);
    return g_strv_contains((const char *const *)options, "cpu-pm=on");
}

struct domain_guest guest_read(const domain_document *document)
{
    const xmlNode *root = xmlDocGetRootElement(document->tree);
    const xmlNode *vcpu = xml_find_child(root, "vcpu");
    g_autofree char *text = vcpu != NULL ? xml_get_text(vcpu) : NULL;
    guint64 vcpus = 0;
    return (struct domain_guest){
        .vcpus = text != NULL && text_to_uint(text, 65535, &vcpus) ? (unsigned)vcpus : 0,
        .per_socket = count_per_socket(xml_find_child(root, "cpu")),
        .has_pmu = has_pmu(root),
        .has_cpu_pm = domain_has_argument(document, guest_is_cpu_pm),
    };
}

enum guest_side guest_find_side(const char *min, const char *max)
{
    unsigned oldest = min != NULL ? text_parse_version(min) : 0;
    unsigned newest = max != NULL ? text_parse_version(max) : 0;
    return oldest == 0 || newest == 0   ? GUEST_QEMU_UNKNOWN
           : oldest >= GUEST_QEMU_BREAK ? GUEST_QEMU_NEWER
           : newest < GUEST_QEMU_BREAK  ? GUEST_QEMU_OLDER
                                        : GUEST_QEMU_ACROSS;
}

const char *guest_side_to_string(enum guest_side side)
{
    static const char *const words[] = {
        [GUEST_QEMU_OLDER] = "older than " GUEST_QEMU_BREAK_TEXT,
        [GUEST_QEMU_NEWER] = GUEST_QEMU_BREAK_TEXT " or newer",
        [GUEST_QEMU_ACROSS] =
            "older and newer than " GUEST_QEMU_BREAK_TEXT
            ": guests with several logical CPUs per socket do not migrate between",
    };
    return words[side];
}

unsigned guest_choose_qemu(const cpulift_plan *plan, unsigned node)
{
    enum guest_side side = guest_find_side(plan->qemu.min, plan->qemu.max);
    bool is_one_side = side == GUEST_QEMU_OLDER || side == GUEST_QEMU_NEWER;
    return node != 0                                ? node
           : is_one_side && plan->qemu.unknown == 0 ? text_parse_version(plan->qemu.max)
                                                    : 0;
}

static const struct plan_guest_feature *find_said(const cpulift_plan *plan, const char *name)
{
    for (size_t i = 0; plan->guest_features != NULL && i < plan->guest_features->len; i++) {
        const struct plan_guest_feature *said = plan->guest_features->pdata[i];
        if (strcmp(said->feature, name) == 0) {
            return said;
        }
    }
    return NULL;
}

/// Whether this plan's hosts give the feature to guests that are configured for it. A plan of an
/// elder version does not say: what QEMU sets by itself is there all the same.
static bool is_given(const cpulift_plan *plan, const struct guest_feature *feature,
                     const char *vendor)
{
    if (plan->guest_features != NULL) {
        const struct plan_guest_feature *said = find_said(plan, feature->name);
        return said != NULL && said->is_given;
    }
    bool is_amd = g_strcmp0(vendor, "AMD") == 0 || g_strcmp0(vendor, "Hygon") == 0;
    return feature->cause == GUEST_SOCKET
               ? is_amd || !feature->is_amd_only
               : g_strv_contains((const char *const *)plan->features, feature->name);
}

/// Whether the guest's configuration asks for the feature.
static bool is_asked_for(const struct guest_feature *feature, const struct domain_guest *guest)
{
    const bool asked[] = {[GUEST_SOCKET] = guest->per_socket > 1,
                          [GUEST_PMU] = guest->has_pmu,
                          [GUEST_CPU_PM] = guest->has_cpu_pm,
                          [GUEST_MODEL] = true};
    return asked[feature->cause];
}

bool guest_sees(const cpulift_plan *plan, const struct domain_guest *guest,
                const struct guest_feature *feature, const char *vendor)
{
    return is_asked_for(feature, guest) && is_given(plan, feature, vendor);
}

/// The element without the feature's line or, with it required, at its place by name.
static void put(cpulift_cpu *cpu, const char *name, bool is_required)
{
    g_autoptr(cpulift_cpu) old = cpu_new();
    old->features = g_steal_pointer(&cpu->features);
    old->feature_count = cpu->feature_count;
    cpu->feature_count = 0;
    bool is_open = is_required;
    for (size_t i = 0; i < old->feature_count; i++) {
        const struct cpu_feature *feature = &old->features[i];
        if (is_open && (feature->policy != CPU_REQUIRE || strcmp(feature->name, name) > 0)) {
            cpu_add_feature(cpu, name, CPU_REQUIRE);
            is_open = false;
        }
        if (strcmp(feature->name, name) != 0) {
            cpu_add_feature(cpu, feature->name, feature->policy);
        }
    }
    if (is_open) {
        cpu_add_feature(cpu, name, CPU_REQUIRE);
    }
}

bool guest_depends_on_qemu(const cpulift_plan *plan, const struct domain_guest *guest)
{
    return cpu_is_binding(plan->cpu) && guest->per_socket > 1;
}

cpulift_cpu *guest_define(const cpulift_plan *plan, const struct domain_guest *guest, unsigned qemu)
{
    cpulift_cpu *cpu = cpu_copy(plan->cpu);
    size_t count;
    const struct guest_feature *table = guest_list_features(&count);
    // What does not bind starts with what the host has, and may not require what QEMU sets.
    for (size_t i = 0; i < count && cpu_is_binding(cpu); i++) {
        const struct guest_feature *feature = &table[i];
        if (feature->cause == GUEST_MODEL) {
            continue;
        }
        if (qemu >= feature->since_qemu && guest_sees(plan, guest, feature, plan->cpu->vendor)) {
            put(cpu, feature->name, true);
        } else if (feature->cause != GUEST_SOCKET && !is_asked_for(feature, guest)) {
            put(cpu, feature->name, false);
        }
    }
    return cpu;
}
