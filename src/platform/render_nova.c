// SPDX-License-Identifier: LGPL-2.1-or-later
/// OpenStack Nova: nova.conf of the compute nodes. Sources: nova/conf/libvirt.py and
/// workarounds.py; _check_cpu_compatibility(), _prepare_cpu_flag() and _get_cpu_feature_traits() in
/// nova/virt/libvirt/driver.py; hw_maxphysaddr_* in nova/objects/image_meta.py.
#include "base/text.h"
#include "platform/render_parts.h"

#include <string.h>

/// What KVM gives guests although the silicon may not have it, on hosts of the vendor (NULL: any).
/// Source: kvm_set_cpu_caps() in Linux arch/x86/kvm/cpuid.c, kvm_arch_get_supported_cpuid() in QEMU
/// target/i386/kvm/kvm.c.
static const struct {
    const char *feature, *vendor;
} made_up[] = {
    {"amd-ssbd", "Intel"}, {"amd-stibp", "Intel"},
    {"arat", NULL},        {"arch-capabilities", "AMD"},
    {"hypervisor", NULL},  {"ibpb", "Intel"},
    {"spec-ctrl", "AMD"},  {"ssbd", "AMD"},
    {"stibp", "AMD"},      {"tsc-deadline", NULL},
    {"tsc_adjust", NULL},  {"virt-ssbd", "AMD"},
    {"x2apic", NULL},
};

static bool is_made_up(const char *feature, const char *vendor)
{
    for (size_t i = 0; i < G_N_ELEMENTS(made_up); i++) {
        if (strcmp(made_up[i].feature, feature) == 0) {
            return made_up[i].vendor == NULL || vendor == NULL ||
                   strcmp(made_up[i].vendor, vendor) == 0;
        }
    }
    return false;
}

/// Releases that compare with the physical CPU do not start with a flag that KVM makes up.
static void add_workaround(struct rendering *self)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < self->require->len; i++) {
        if (is_made_up(g_ptr_array_index(self->require, i), self->plan->cpu->vendor)) {
            g_ptr_array_add(names, g_ptr_array_index(self->require, i));
        }
    }
    if (names->len == 0) {
        return;
    }
    g_autofree char *list =
        text_join_some((const char *const *)names->pdata, names->len, names->len);
    g_string_append_printf(self->out,
                           "[workarounds]\n"
                           "# Older Novas compare the flags with the silicon when nova-compute "
                           "starts, and stop at what\n"
                           "# KVM makes up for guests: %s.\n"
                           "# Leave this out where Nova asks the hypervisor "
                           "(compareHypervisorCPU).\n"
                           "skip_cpu_compare_at_startup = true\n",
                           list);
}

static void add_width(struct rendering *self)
{
    unsigned bits = self->plan->cpu->phys_bits;
    if (bits == 0) {
        return;
    }
    g_string_append_printf(self->out,
                           "# The width of physical addresses is a flavor's:\n"
                           "#   openstack flavor set FLAVOR --property "
                           "hw:maxphysaddr_mode=emulate \\\n"
                           "#     --property hw:maxphysaddr_bits=%u\n",
                           bits);
    render_warn(self,
                "nova.conf cannot say the width of physical addresses (%u bits): each flavor "
                "must, as the text has it, or guests get QEMU's",
                bits);
}

int render_nova(struct rendering *self, cpulift_error **err)
{
    (void)err;
    const cpulift_plan *plan = self->plan;
    g_autofree char *flags = render_join(self, "", "-", ", ");
    g_string_append_printf(self->out,
                           "# nova.conf of every compute node of pool %s; restart nova-compute;\n"
                           "# new and cold-started instances get it. Nova cannot say "
                           "check='full'.\n",
                           plan->pool);
    if (self->disable->len > 0) {
        g_string_append(self->out,
                        "# Nova reports disabled flags as traits of the host too: do not "
                        "schedule by those.\n");
    }
    add_width(self);
    g_string_append_printf(self->out,
                           "[libvirt]\nvirt_type = %s\ncpu_mode = custom\ncpu_models = %s\n",
                           plan->virt, plan->cpu->model);
    if (*flags != '\0') {
        g_string_append_printf(self->out, "cpu_model_extra_flags = %s\n", flags);
    }
    add_workaround(self);
    return 0;
}
