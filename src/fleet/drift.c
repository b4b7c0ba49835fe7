// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/drift.h"

#include "fleet/guest.h"

#include <string.h>

/// The XML of a running guest of the plan on this host.
static char *format_guest(const cpulift_plan *plan, const cpulift_host *host)
{
    const struct domain_guest shape = {.vcpus = 1, .per_socket = 1};
    const struct host_guest *entry = host_find_guest(host, plan->virt, plan->machine);
    const char *machine = entry != NULL && entry->canonical_machine != NULL
                              ? entry->canonical_machine
                              : plan->machine;
    g_autoptr(cpulift_cpu) cpu = guest_define(plan, &shape, 0);
    g_autofree char *definition = cpu_format(cpu, 0);
    g_autofree char *head = g_markup_printf_escaped(
        "<domain type='%s'><name>plan</name><vcpu>1</vcpu><os><type arch='x86_64' "
        "machine='%s'>hvm</type></os><features><acpi/></features>",
        plan->virt, machine);
    return g_strconcat(head, definition, "</domain>", NULL);
}

int fleet_drift_find(const cpulift_plan *plan, const cpulift_host *host, const catalog *map,
                     fleet_cell **ret_cell, cpulift_error **err)
{
    g_autofree char *xml = format_guest(plan, host);
    g_autoptr(fleet_guest) guest = NULL;
    g_auto(compare_side) side = {0};
    TRY(fleet_guest_parse(xml, strlen(xml), plan->pool, host->name, &guest, err));
    guest->width.is_hosts = false; // it starts here
    bool is_known = fleet_guest_take(guest, map, &side, NULL) == 0;
    *ret_cell = fleet_judge(guest, is_known ? &side : NULL, host, map);
    return 0;
}

/// "QEMU 7.2.0 is 10.0.2", "features -avx +aes"; of lists of names what is gone and what is new.
static void add(GString *out, const struct compare_difference *one)
{
    g_string_append_printf(out, "%s%s ", out->len > 0 ? "; " : "", one->what);
    if (!compare_is_of_features(one)) {
        g_string_append_printf(out, "%s is %s", one->a != NULL ? one->a : "not known",
                               one->b != NULL ? one->b : "not known");
        return;
    }
    const char *const lists[] = {one->a, one->b};
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_auto(GStrv) names = g_strsplit(lists[i] != NULL ? lists[i] : "", " ", -1);
        for (char **name = names; *name != NULL; name++) {
            g_string_append_printf(out, "%s%c%s", out->str[out->len - 1] != ' ' ? " " : "", "-+"[i],
                                   *name);
        }
    }
}

/// Not told: lists of machine types and models, which are long and no guest's.
static bool is_told(const struct compare_difference *one)
{
    static const char *const words[] = {"CPU",  "CPU like", "microcode",         "libvirt",
                                        "QEMU", "kernel",   "canonical machine", NULL};
    return one->is_seen || g_strv_contains(words, one->what);
}

char *fleet_drift_describe(const cpulift_host *before, const cpulift_host *now,
                           const cpulift_plan *plan, const catalog *map)
{
    const struct host_guest *of_before = host_find_guest(before, plan->virt, plan->machine);
    const struct host_guest *of_now = host_find_guest(now, plan->virt, plan->machine);
    if (of_before == NULL || of_now == NULL) {
        return of_before == of_now
                   ? NULL
                   : g_strdup_printf("guests of %s on %s: %s", plan->virt, plan->machine,
                                     of_now == NULL ? "none any more" : "new");
    }
    g_auto(compare_side) a = {0}, b = {0};
    g_autoptr(GString) out = g_string_new(NULL);
    compare_take_host(before, of_before, map, &a);
    compare_take_host(now, of_now, map, &b);
    g_autoptr(GPtrArray) differences = compare_sides(&a, &b);
    for (size_t i = 0; i < differences->len; i++) {
        if (is_told(differences->pdata[i])) {
            add(out, differences->pdata[i]);
        }
    }
    return out->len > 0 ? g_strdup(out->str) : NULL;
}
