// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/guest.h"

#include "core/plan.h"
#include "core/variant.h"
#include "virt/kernel.h"

#include <string.h>

#define MACHINE "q35"

/// "0-3": the first CPUs of this machine.
static char *format_cpuset(unsigned count)
{
    return count > 1 ? g_strdup_printf("0-%u", count - 1) : g_strdup("0");
}

char *guest_format(const struct guest *g)
{
    g_autofree char *cpuset = format_cpuset(MIN(g->vcpus, g->host_cpus));
    g_autofree char *head = g_markup_printf_escaped(
        "<domain type='%s'>\n  <name>%s</name>\n  <memory unit='MiB'>%u</memory>\n"
        "  <vcpu placement='static' cpuset='%s'>%u</vcpu>\n"
        "  <os>\n    <type arch='x86_64' machine='" MACHINE "'>hvm</type>\n"
        "    <kernel>%s</kernel>\n    <initrd>%s</initrd>\n"
        "    <cmdline>" KERNEL_LINE "</cmdline>\n  </os>\n"
        "  <features><acpi/><apic/></features>\n",
        g->is_kvm ? "kvm" : "qemu", g->name, g->memory, cpuset, g->vcpus, g->kernel, g->initramfs);
    g_autofree char *tail = g_markup_printf_escaped(
        "  <on_poweroff>destroy</on_poweroff>\n  <on_reboot>destroy</on_reboot>\n"
        "  <on_crash>destroy</on_crash>\n  <devices>\n"
        "    <serial type='file'><source path='%s'/></serial>\n"
        "    <memballoon model='none'/>\n  </devices>\n</domain>\n",
        g->console);
    return g_strconcat(head, "  ", g->cpu, "\n", tail, NULL);
}

static int format_document(const bench_definition *d, char **ret_cpu, cpulift_error **err)
{
    size_t len = strlen(d->document);
    if (d->document[strspn(d->document, " \t\r\n")] == '<') {
        g_autoptr(cpulift_cpu) cpu = NULL;
        TRY(cpu_parse(d->document, len, d->argument, &cpu, err));
        *ret_cpu = cpu_format(cpu, 2);
        return 0;
    }
    g_autoptr(cpulift_plan) plan = NULL;
    TRY(plan_parse(d->document, len, d->argument, &plan, err));
    *ret_cpu = cpu_format(plan->cpu, 2);
    return 0;
}

int guest_format_cpu(const bench_definition *d, bool is_kvm, char **ret_cpu, cpulift_error **err)
{
    if (d->document != NULL) {
        return format_document(d, ret_cpu, err);
    }
    if (strcmp(d->argument, "default") == 0) {
        *ret_cpu = g_strdup("");
        return 0;
    }
    const struct variant *variant = variant_find(d->argument);
    if (variant != NULL) {
        g_autoptr(cpulift_cpu) cpu = variant_define(variant);
        *ret_cpu = cpu_format(cpu, 2);
        return 0;
    }
    if (strcmp(d->argument, "bare") == 0) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'bare' is a program without `run`; a guest has a CPU: leave it out");
    }
    if (strcmp(d->argument, "host") == 0) {
        *ret_cpu = g_strdup(is_kvm ? "<cpu mode='host-passthrough' check='none' migratable='off'/>"
                                   : "<cpu mode='maximum' check='none'/>");
        return 0;
    }
    *ret_cpu = g_markup_printf_escaped("<cpu mode='custom' match='exact' check='none'>\n"
                                       "    <model fallback='forbid'>%s</model>\n  </cpu>",
                                       d->argument);
    return 0;
}
