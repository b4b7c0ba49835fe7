// SPDX-License-Identifier: LGPL-2.1-or-later
/// KubeVirt: the CPU of a VirtualMachine. Sources: CPU.model, CPU.features[].{name,policy} in
/// staging/src/kubevirt.io/api/core/v1; pkg/virt-handler/node-labeller, by whose labels for the
/// model and each required feature the scheduler finds nodes; DefaultObsoleteCPUModels.
#include "core/model_choice.h"
#include "platform/render_parts.h"

static void add_features(GString *out, const GPtrArray *names, const char *policy)
{
    for (size_t i = 0; i < names->len; i++) {
        g_string_append_printf(out, "          - name: %s\n            policy: %s\n",
                               (const char *)g_ptr_array_index(names, i), policy);
    }
}

int render_kubevirt(struct rendering *self, cpulift_error **err)
{
    const cpulift_cpu *cpu = self->plan->cpu;
    unsigned bits = plan_get_width(self->plan);
    if (model_is_obsolete(cpu->model)) {
        return cpulift_error_set(err, CPULIFT_EREFUSED,
                                 "the plan's model '%s' is obsolete to KubeVirt: no node gets a "
                                 "label for it, and its guests would never be scheduled; plan "
                                 "without the hosts that keep the pool from a newer model",
                                 cpu->model);
    }
    g_string_append(self->out,
                    "# Part of a VirtualMachine, or of a VirtualMachineInstancetype's spec.\n");
    if (bits != 0) {
        g_string_append_printf(self->out,
                               "# KubeVirt has no word for the width of physical addresses "
                               "(%u bits).\n",
                               bits);
        render_warn(self,
                    "KubeVirt cannot say the width of physical addresses (%u bits): guests get "
                    "QEMU's, and one with much memory may not migrate to every host",
                    bits);
    }
    g_string_append_printf(self->out,
                           "spec:\n  template:\n    spec:\n      domain:\n        cpu:\n"
                           "          model: %s\n",
                           cpu->model);
    if (self->require->len + self->disable->len > 0) {
        g_string_append(self->out, "          features:\n");
    }
    add_features(self->out, self->require, "require");
    add_features(self->out, self->disable, "disable");
    return 0;
}
