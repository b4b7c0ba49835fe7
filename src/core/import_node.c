// SPDX-License-Identifier: LGPL-2.1-or-later
/// What 'virsh capabilities' says of the machine itself: its QEMU's machine types and its size.
/// Whatever is missing or not understood there is not known.
#include "base/text.h"
#include "base/xml.h"
#include "core/import.h"
#include "core/machine.h"

#include <string.h>

static void add_machine(GPtrArray *names, json_t *aliases, const xmlNode *node)
{
    g_autofree char *name = xml_get_text(node), *canonical = xml_get_attribute(node, "canonical");
    if (!text_is_name(name) || (canonical != NULL && !text_is_name(canonical))) {
        return;
    }
    if (canonical != NULL) {
        json_object_set_new(aliases, name, json_string(canonical));
    }
    char **found = canonical != NULL ? &canonical : &name;
    g_ptr_array_add(names, g_steal_pointer(found));
}

/// The machine types of the virt type: its own where it lists some, else those of the architecture.
static void read_machines(const xmlNode *arch, const xmlNode *domain, const char *virt,
                          cpulift_host *host)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(json_t) aliases = json_object();
    const xmlNode *machine = xml_find_child(domain, "machine");
    machine = machine != NULL ? machine : xml_find_child(arch, "machine");
    for (; machine != NULL && names->len < HOST_MACHINES_MAX;
         machine = xml_find_next(machine, "machine")) {
        add_machine(names, aliases, machine);
    }
    if (names->len > 0 && host_find_machines(host, virt) == NULL) {
        host_machines *machines = host_add_machines(host, virt);
        record_merge_strings(&machines->names, names);
        machines->aliases = json_object_size(aliases) > 0 ? json_incref(aliases) : NULL;
    }
}

static void read_domains(const xmlNode *arch, cpulift_host *host)
{
    for (xmlNode *d = xml_find_child(arch, "domain"); d != NULL; d = xml_find_next(d, "domain")) {
        g_autofree char *virt = xml_get_attribute(d, "type");
        if (virt != NULL && g_strv_contains(machine_virts, virt)) {
            read_machines(arch, d, virt, host);
        }
    }
}

/// Adds a cell of the host's topology; false: it does not say what it has.
static bool add_cell(const xmlNode *cell, struct host_size *sum)
{
    const xmlNode *memory = xml_find_child(cell, "memory"), *cpus = xml_find_child(cell, "cpus");
    if (memory == NULL || cpus == NULL) {
        return false;
    }
    g_autofree char *unit = xml_get_attribute(memory, "unit"), *text = xml_get_text(memory);
    g_autofree char *number = xml_get_attribute(cpus, "num");
    guint64 count = 0, kib = 0;
    if (g_strcmp0(unit, "KiB") != 0 || number == NULL ||
        !text_to_uint(text, HOST_MEMORY_MAX - sum->memory, &kib) ||
        !text_to_uint(number, HOST_CPUS_MAX - sum->cpus, &count)) {
        return false;
    }
    sum->memory += kib;
    sum->cpus += (unsigned)count;
    return true;
}

static struct host_size read_size(const xmlNode *root)
{
    static const char *const path[] = {"host", "topology", "cells", "cell", NULL};
    const xmlNode *node = root;
    for (const char *const *step = path; node != NULL && *step != NULL; step++) {
        node = xml_find_child(node, *step);
    }
    struct host_size sum = {0};
    for (; node != NULL; node = xml_find_next(node, "cell")) {
        if (!add_cell(node, &sum)) {
            return (struct host_size){0};
        }
    }
    return sum;
}

void import_node(const xmlNode *root, cpulift_host *host)
{
    for (xmlNode *g = xml_find_child(root, "guest"); g != NULL; g = xml_find_next(g, "guest")) {
        xmlNode *arch = xml_find_child(g, "arch");
        g_autofree char *name = arch != NULL ? xml_get_attribute(arch, "name") : NULL;
        if (g_strcmp0(name, "x86_64") == 0) {
            read_domains(arch, host);
        }
    }
    host->size = host->size.memory != 0 ? host->size : read_size(root);
}
