// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/wording.h"

#include "core/guest.h"

#include <string.h>

bool wording_is_by_topology(const char *feature)
{
    const struct guest_feature *row = guest_find_feature(feature);
    return row != NULL && row->cause == GUEST_SOCKET;
}

bool wording_follows_topology(const probe_shape *shape, const char *feature, const char *vendor)
{
    bool is_amd = strcmp(vendor, "AuthenticAMD") == 0 || strcmp(vendor, "HygonGenuine") == 0;
    return wording_is_by_topology(feature) && shape_count_per_socket(shape) > 1 &&
           (is_amd || !guest_find_feature(feature)->is_amd_only);
}

/// A guest with several CPUs in a socket cannot cross the break in either direction: there it has
/// as many sockets instead.
static probe_shape choose_shape(const unsigned long *versions, size_t count)
{
    probe_shape shape = shape_default;
    for (size_t i = 1; i < count; i++) {
        if ((versions[i] >= GUEST_QEMU_BREAK) != (versions[0] >= GUEST_QEMU_BREAK)) {
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
    size_t count_rows = 0;
    const struct guest_feature *rows = guest_list_features(&count_rows);
    for (size_t i = 0; options->cpu == NULL && cpu_is_binding(plan->cpu) && i < count_rows; i++) {
        const char *name = rows[i].name;
        if (versions[0] >= rows[i].since_qemu && !has_feature(ret_wording->cpu, name) &&
            wording_follows_topology(&ret_wording->shape, name, vendor)) {
            cpu_add_feature(ret_wording->cpu, name, CPU_REQUIRE);
        }
    }
}

void wording_clear(struct wording *wording)
{
    g_clear_pointer(&wording->cpu, cpu_free);
}
