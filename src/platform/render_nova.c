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

/// From these versions on. Source: openstack/nova 267a40663c (its backport in 25.1.0), 9caaaf1f22
/// (its backport in 26.3.0) and 468b03e0ee.
#define CAN_SKIP_AT_DESTINATION "25.1"
#define CAN_SKIP_AT_STARTUP     "26.3"
#define ASKS_THE_HYPERVISOR     "27.0"

/// Which of the plan's flags KVM makes up.
static GPtrArray *list_made_up(const struct rendering *self)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < self->require->len; i++) {
        if (is_made_up(g_ptr_array_index(self->require, i), self->plan->cpu->vendor)) {
            g_ptr_array_add(names, g_ptr_array_index(self->require, i));
        }
    }
    return names;
}

static bool is_since(const struct rendering *self, const char *version)
{
    return self->version >= text_parse_version(version);
}

/// Before the switch that passes the check over there is only one way to start: without them.
static void leave_out(struct rendering *self, const GPtrArray *names)
{
    for (size_t i = 0; i < names->len; i++) {
        g_ptr_array_remove(self->require, names->pdata[i]);
    }
    g_autofree char *list =
        text_join_some((const char *const *)names->pdata, names->len, names->len);
    render_warn(self,
                "before " CAN_SKIP_AT_STARTUP
                " Nova stops at flags that KVM makes up for guests, and "
                "no setting passes that over: left out, so that guests may lack them: %s",
                list);
}

/// Nova before ASKS_THE_HYPERVISOR compares the flags with the silicon, when nova-compute starts
/// and at the destination of a live migration, and stops at what KVM makes up for guests.
static void add_workarounds(struct rendering *self, const GPtrArray *names)
{
    bool is_any =
        self->version == 0; // for all releases: what an older one does not know it ignores
    if (names->len == 0 || is_since(self, ASKS_THE_HYPERVISOR) ||
        !(is_any || is_since(self, CAN_SKIP_AT_DESTINATION))) {
        return;
    }
    g_autofree char *list =
        text_join_some((const char *const *)names->pdata, names->len, names->len);
    g_string_append_printf(self->out,
                           "[workarounds]\n"
                           "# Nova before " ASKS_THE_HYPERVISOR
                           " (2023.1) compares flags with the silicon, not with "
                           "what the hypervisor gives, and\n"
                           "# stops at what KVM makes up for guests: %s.\n",
                           list);
    if (is_any) {
        g_string_append(self->out, "# Leave this out from " ASKS_THE_HYPERVISOR
                                   " on; before " CAN_SKIP_AT_STARTUP " say --version.\n");
    }
    if (is_any || is_since(self, CAN_SKIP_AT_STARTUP)) {
        g_string_append(self->out, "skip_cpu_compare_at_startup = true\n");
    }
    g_string_append(self->out, "skip_cpu_compare_on_dest = true\n");
}

static void add_width(struct rendering *self)
{
    unsigned bits = plan_get_width(self->plan);
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
    g_autoptr(GPtrArray) made_up_here = list_made_up(self);
    if (made_up_here->len > 0 && self->version != 0 && !is_since(self, CAN_SKIP_AT_STARTUP)) {
        leave_out(self, made_up_here);
    }
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
    add_workarounds(self, made_up_here);
    return 0;
}
