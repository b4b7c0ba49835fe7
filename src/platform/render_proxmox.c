// SPDX-License-Identifier: LGPL-2.1-or-later
/// Proxmox VE: cpu-models.conf(5), options behind one tab. The flags go to QEMU as they are, which
/// knows libvirt's spellings as aliases (target/i386/cpu.c), so all of them are said: QEMU's idea
/// of a model is not libvirt's. Source: PVE/QemuServer/CPUConfig.pm of qemu-server.
#include "platform/render_parts.h"

#include <string.h>

/// What becomes of these models there.
static const struct {
    const char *model, *what;
} odd_models[] = {
    {"486", NULL},
    {"Icelake-Client", "Icelake-Server"},
    {"Icelake-Client-noTSX", "Icelake-Server-noTSX"},
    {"athlon", NULL},
    {"coreduo", NULL},
    {"kvm32", NULL},
    {"pentium", NULL},
    {"pentium2", NULL},
    {"pentium3", NULL},
    {"qemu32", NULL},
};

static void check_model(const struct rendering *self)
{
    const char *model = self->plan->cpu->model;
    for (size_t i = 0; i < G_N_ELEMENTS(odd_models); i++) {
        if (strcmp(odd_models[i].model, model) != 0) {
            continue;
        }
        if (odd_models[i].what != NULL) {
            render_warn(self, "Proxmox VE starts '%s' for the model '%s': guests see another model",
                        odd_models[i].what, model);
        } else {
            render_warn(self,
                        "'%s' is a 32-bit CPU type to Proxmox VE, which starts no guest with OVMF "
                        "on it",
                        model);
        }
    }
}

static char *join_flags(const cpulift_cpu *cpu)
{
    GString *flags = g_string_new(NULL);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        enum cpu_policy policy = cpu->features[i].policy;
        if (policy == CPU_REQUIRE || policy == CPU_DISABLE) {
            g_string_append_printf(flags, "%s%c%s", flags->len > 0 ? ";" : "",
                                   policy == CPU_REQUIRE ? '+' : '-', cpu->features[i].name);
        }
    }
    return g_string_free(flags, FALSE);
}

int render_proxmox(struct rendering *self, cpulift_error **err)
{
    (void)err;
    const cpulift_plan *plan = self->plan;
    g_autofree char *name =
        g_strcanon(g_strdup(plan->pool), G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_", '-');
    g_autofree char *flags = join_flags(plan->cpu);
    check_model(self);
    g_string_append_printf(self->out,
                           "# /etc/pve/virtual-guest/cpu-models.conf; then for each guest:\n"
                           "#   qm set VMID --cpu custom-cpulift-%s\n"
                           "# and stop and start it. Under KVM Proxmox adds 'enforce': a node that "
                           "lacks a feature\n"
                           "# does not start the guest.\n"
                           "cpu-model: cpulift-%s\n",
                           name, name);
    if (*flags != '\0') {
        g_string_append_printf(self->out, "\tflags %s\n", flags);
    }
    if (plan_get_width(plan) != 0) { // whatever libvirt can state: Proxmox goes without it
        g_string_append_printf(self->out, "\tphys-bits %u\n", plan_get_width(plan));
    }
    g_string_append_printf(self->out, "\treported-model %s\n", plan->cpu->model);
    return 0;
}
