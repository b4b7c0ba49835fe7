// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/wording.h"

#include <string.h>

/// From this version on QEMU says so where it sets features by topology, and check='full' refuses
/// what the definition does not require.
#define QEMU_BREAK 10000000ul

/// Source: QEMU's target/i386/cpu.c, cpu_x86_cpuid().
static const struct {
    const char *name;
    bool is_amd_only;
} by_topology[] = {{"cmp_legacy", true}, {"ht", false}};

static int find_by_topology(const char *feature)
{
    for (int i = 0; i < (int)G_N_ELEMENTS(by_topology); i++) {
        if (strcmp(by_topology[i].name, feature) == 0) {
            return i;
        }
    }
    return -1;
}

bool wording_is_by_topology(const char *feature)
{
    return find_by_topology(feature) >= 0;
}

bool wording_follows_topology(const probe_shape *shape, const char *feature, const char *vendor)
{
    int i = find_by_topology(feature);
    bool is_amd = strcmp(vendor, "AuthenticAMD") == 0 || strcmp(vendor, "HygonGenuine") == 0;
    return i >= 0 && shape_count_per_socket(shape) > 1 && (is_amd || !by_topology[i].is_amd_only);
}

/// A guest with several CPUs in a socket cannot cross the break in either direction: there it has
/// as many sockets instead.
static probe_shape choose_shape(const unsigned long *versions, size_t count)
{
    probe_shape shape = shape_default;
    for (size_t i = 1; i < count; i++) {
        if ((versions[i] >= QEMU_BREAK) != (versions[0] >= QEMU_BREAK)) {
            shape.sockets = shape.vcpus;
            shape.cores = 1;
        }
    }
    return shape;
}

static bool has_feature(const cpulift_cpu *cpu, const char *name)
{
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (strcmp(cpu->features[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void wording_choose(const cpulift_plan *plan, const struct start_options *options,
                    const unsigned long *versions, size_t count, struct wording *ret_wording)
{
    ret_wording->shape = options->shape != NULL ? *options->shape : choose_shape(versions, count);
    ret_wording->cpu = cpu_copy(options->cpu != NULL ? options->cpu : plan->cpu);
    const char *vendor = g_strcmp0(options->vendor, "AMD") == 0     ? "AuthenticAMD"
                         : g_strcmp0(options->vendor, "Hygon") == 0 ? "HygonGenuine"
                                                                    : "";
    bool is_open = options->cpu == NULL && versions[0] >= QEMU_BREAK && cpu_is_binding(plan->cpu);
    for (size_t i = 0; is_open && i < G_N_ELEMENTS(by_topology); i++) {
        const char *name = by_topology[i].name;
        if (!has_feature(ret_wording->cpu, name) &&
            wording_follows_topology(&ret_wording->shape, name, vendor)) {
            cpu_add_feature(ret_wording->cpu, name, CPU_REQUIRE);
        }
    }
}

void wording_clear(struct wording *wording)
{
    g_clear_pointer(&wording->cpu, cpu_free);
}
