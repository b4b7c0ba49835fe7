// SPDX-License-Identifier: LGPL-2.1-or-later
/// oVirt: a guest's custom CPU, and an entry for the engine's list of cluster CPUs. Sources, all of
/// ovirt-engine: LibvirtVmXmlBuilder.writeCpu() splits the CPU at commas: model, +feature,
/// -feature; VmBase limits it (VM_CPU_NAME_SIZE); CpuFlagsManagerHandler splits an entry at colons:
/// level:name:flags:CPU:architecture, and takes the highest level whose flags a host reports.
#include "platform/render_parts.h"

#include <string.h>

#define CUSTOM_MAX  255  ///< characters of <custom_cpu_model>
#define CLUSTER_MAX 4000 ///< of vm_dynamic.cpu_name, which an entry's CPU ends in

static const char *const flags[] = {
#define FLAG(word) word,
#include "platform/ovirt_flags.def"
#undef FLAG
};

static bool is_required(const struct rendering *self, int id)
{
    for (size_t i = 0; i < self->require->len; i++) {
        if (catalog_find_feature(self->map, g_ptr_array_index(self->require, i)) == id) {
            return true;
        }
    }
    return false;
}

/// What a host must report for the engine to put it into the cluster: the model alone is not
/// enough, guests need what the plan adds to it.
static char *join_flags(const struct rendering *self)
{
    const cpulift_cpu *cpu = self->plan->cpu;
    GString *out = g_string_new(g_strcmp0(cpu->vendor, "AMD") == 0 ? "svm,nx" : "vmx,nx");
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
        int id = catalog_find_feature(self->map, flags[i]);
        if (id >= 0 && is_required(self, id)) {
            g_string_append_printf(out, ",%s", flags[i]);
        }
    }
    g_string_append_printf(out, ",model_%s", cpu->model);
    return g_string_free(out, FALSE);
}

static void add_guest(struct rendering *self, const char *cpu)
{
    size_t len = strlen(cpu);
    if (len <= CUSTOM_MAX) {
        g_string_append_printf(self->out,
                               "# For one guest (REST: PUT /ovirt-engine/api/vms/ID; takes effect "
                               "when it is started):\n"
                               "<vm><custom_cpu_model>%s</custom_cpu_model></vm>\n",
                               cpu);
        return;
    }
    g_string_append_printf(self->out,
                           "# Not for one guest: its custom_cpu_model takes %d characters and this "
                           "has %zu.\n",
                           CUSTOM_MAX, len);
    render_warn(self,
                "oVirt's custom_cpu_model takes %d characters and this plan needs %zu: only the "
                "cluster's entry works",
                CUSTOM_MAX, len);
}

static int add_cluster(struct rendering *self, const char *cpu, cpulift_error **err)
{
    if (strlen(cpu) > CLUSTER_MAX) {
        return cpulift_error_set(err, CPULIFT_EREFUSED,
                                 "the plan's CPU has %zu characters in oVirt's words, which takes "
                                 "%d: plan on a model that is nearer to the hosts",
                                 strlen(cpu), CLUSTER_MAX);
    }
    // A colon ends a field.
    g_autofree char *pool = g_strdelimit(g_strdup(self->plan->pool), ":", '-');
    g_autofree char *needed = join_flags(self);
    g_string_append_printf(
        self->out,
        "# For a cluster: this entry behind a ';' at the end of what\n"
        "#   engine-config -g ServerCPUList --cver=VERSION\n"
        "# prints, set by engine-config -s; restart ovirt-engine, choose it in the cluster. "
        "VERSION "
        "is the\n"
        "# cluster's compatibility level (4.7): each has a list of its own. The 1 in front is the "
        "entry's rank:\n"
        "# too low for the engine to choose it by itself.\n"
        "1:cpulift %s:%s:%s:x86_64\n",
        pool, needed, cpu);
    return 0;
}

int render_ovirt(struct rendering *self, cpulift_error **err)
{
    unsigned bits = plan_get_width(self->plan);
    g_autofree char *differences = render_join(self, "+", "-", ",");
    g_autofree char *cpu = g_strdup_printf("%s%s%s", self->plan->cpu->model,
                                           *differences != '\0' ? "," : "", differences);
    if (bits != 0) {
        g_string_append_printf(
            self->out, "# oVirt has no word for the width of physical addresses (%u bits).\n",
            bits);
        render_warn(self,
                    "oVirt cannot say the width of physical addresses (%u bits): guests get "
                    "QEMU's, and one with much memory may not migrate to every host",
                    bits);
    }
    add_guest(self, cpu);
    return add_cluster(self, cpu, err);
}
