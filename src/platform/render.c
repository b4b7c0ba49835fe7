// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/render.h"

#include "base/text.h"

#include "platform/platform.h"

#include <string.h>

/// "require" and "disable" features in document order: `write(out, name, is_required)` for each.
static void each_feature(const cpulift_cpu *cpu, GString *out,
                         void (*write)(GString *out, const char *name, bool is_required))
{
    for (size_t i = 0; i < cpu->feature_count; i++) {
        enum cpu_policy policy = cpu->features[i].policy;
        if (policy == CPU_REQUIRE || policy == CPU_DISABLE) {
            write(out, cpu->features[i].name, policy == CPU_REQUIRE);
        }
    }
}

static void write_nova(GString *out, const char *name, bool is_required)
{
    g_string_append_printf(out, "%s%s%s", out->len > 0 ? ", " : "", is_required ? "" : "-", name);
}

/// nova/conf/libvirt.py: a flag with '-' is disabled, any other required; nova-compute does not
/// start on a host that lacks one.
static void render_nova(const cpulift_plan *plan, GString *out)
{
    g_autoptr(GString) flags = g_string_new(NULL);
    each_feature(plan->cpu, flags, write_nova);
    g_string_append_printf(out,
                           "# nova.conf of every compute node of pool %s; restart nova-compute;\n"
                           "# new and cold-started instances get it. Nova cannot say "
                           "check='full'.\n"
                           "[libvirt]\nvirt_type = %s\ncpu_mode = custom\ncpu_models = %s\n"
                           "cpu_model_extra_flags = %s\n",
                           plan->pool, plan->virt, plan->cpu->model, flags->str);
}

static void write_proxmox(GString *out, const char *name, bool is_required)
{
    g_string_append_printf(out, "%s%c%s", out->len > 0 ? ";" : "", is_required ? '+' : '-', name);
}

/// pve.proxmox.com, cpu-models.conf(5): options behind one tab. The flags go to QEMU as they are,
/// which knows libvirt's spellings as aliases (target/i386/cpu.c).
static void render_proxmox(const cpulift_plan *plan, GString *out)
{
    g_autofree char *name =
        g_strcanon(g_strdup(plan->pool), G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_", '-');
    g_autoptr(GString) flags = g_string_new(NULL);
    each_feature(plan->cpu, flags, write_proxmox);
    g_string_append_printf(out,
                           "# /etc/pve/virtual-guest/cpu-models.conf; then for each guest:\n"
                           "#   qm set VMID --cpu custom-cpulift-%s\n"
                           "# and stop and start it.\n"
                           "cpu-model: cpulift-%s\n",
                           name, name);
    if (flags->len > 0) {
        g_string_append_printf(out, "\tflags %s\n", flags->str);
    }
    if (plan->cpu->phys_bits != 0) {
        g_string_append_printf(out, "\tphys-bits %u\n", plan->cpu->phys_bits);
    }
    g_string_append_printf(out, "\treported-model %s\n", plan->cpu->model);
}

static void write_kubevirt(GString *out, const char *name, bool is_required)
{
    g_string_append_printf(out, "          - name: %s\n            policy: %s\n", name,
                           is_required ? "require" : "disable");
}

/// kubevirt.io api/core/v1: CPU.model, CPU.features[].{name,policy}; the scheduler takes each
/// required feature and the model as a node label.
static void render_kubevirt(const cpulift_plan *plan, GString *out)
{
    g_autoptr(GString) features = g_string_new(NULL);
    each_feature(plan->cpu, features, write_kubevirt);
    g_string_append_printf(out,
                           "# Part of a VirtualMachine, or of a VirtualMachineInstancetype's "
                           "spec.\n"
                           "spec:\n  template:\n    spec:\n      domain:\n        cpu:\n"
                           "          model: %s\n          features:\n%s",
                           plan->cpu->model, features->str);
}

static void write_ovirt(GString *out, const char *name, bool is_required)
{
    g_string_append_printf(out, ",%c%s", is_required ? '+' : '-', name);
}

/// VDSM splits the CPU type at commas: model, then +feature or -feature. The engine's list of
/// cluster CPUs has level:name:flags:type:architecture.
static void render_ovirt(const cpulift_plan *plan, GString *out)
{
    g_autoptr(GString) type = g_string_new(plan->cpu->model);
    each_feature(plan->cpu, type, write_ovirt);
    g_string_append_printf(
        out,
        "# For one guest (REST: PUT /ovirt-engine/api/vms/ID; takes effect when it is started):\n"
        "<vm><custom_cpu_model>%s</custom_cpu_model></vm>\n"
        "# For a cluster: this entry behind a ';' at the end of what\n"
        "#   engine-config -g ServerCPUList --cver=VERSION\n"
        "# prints, set by engine-config -s; restart ovirt-engine, choose it in the cluster.\n"
        "100:cpulift %s:%s,model_%s:%s:x86_64\n",
        type->str, plan->pool, g_strcmp0(plan->cpu->vendor, "AMD") == 0 ? "svm,nx" : "vmx,nx",
        plan->cpu->model, type->str);
}

static const struct {
    const char *name;
    void (*render)(const cpulift_plan *plan, GString *out);
} renderers[] = {
    {"kubevirt", render_kubevirt},
    {"nova", render_nova},
    {"ovirt", render_ovirt},
    {"proxmox", render_proxmox},
};

void render_list(GPtrArray *names)
{
    for (size_t i = 0; i < G_N_ELEMENTS(renderers); i++) {
        g_ptr_array_add(names, g_strdup(renderers[i].name));
    }
}

int render_format(const cpulift_plan *plan, const char *platform, char **ret_text,
                  cpulift_error **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(renderers); i++) {
        if (strcmp(renderers[i].name, platform) == 0) {
            g_autoptr(GString) out = g_string_new(NULL);
            renderers[i].render(plan, out);
            *ret_text = g_string_free(g_steal_pointer(&out), FALSE);
            return 0;
        }
    }
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    render_list(list);
    g_autofree char *names = text_join_some((const char *const *)list->pdata, list->len, list->len);
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' is no platform that can be rendered; there are: %s", platform,
                             names);
}
