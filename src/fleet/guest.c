// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/guest.h"

#include "base/text.h"
#include "base/xml.h"
#include "core/domain.h"
#include "core/host.h"
#include "fleet/bond.h"

#include <string.h>

/// The machine types of Red Hat (all, up to 48 bits) and of Ubuntu (those of this ending) give a
/// guest its host's width where it is not stated. Source: their patches of QEMU
/// (pc_rhel_compat; "Add a -hpb Ubuntu specific machine type suffix").
#define RHEL_PART      "-rhel"
#define RHEL_WIDTH_MAX 48
#define HPB_ENDING     "-hpb"

static const xmlNode *find_path(const xmlNode *node, const char *const *path)
{
    for (; node != NULL && *path != NULL; path++) {
        node = xml_find_child(node, *path);
    }
    return node;
}

/// The attribute of the element at the path, or NULL. The caller's.
static char *get_at(const xmlNode *root, const char *const *path, const char *attribute)
{
    const xmlNode *node = find_path(root, path);
    return node != NULL ? xml_get_attribute(node, attribute) : NULL;
}

static int compare_features(const void *a, const void *b)
{
    const struct cpu_feature *fa = a, *fb = b;
    int order = strcmp(fa->name, fb->name);
    return order != 0 ? order : (int)fa->policy - (int)fb->policy;
}

static void add_cpu(GString *key, const cpulift_cpu *cpu)
{
    g_autofree struct cpu_feature *sorted =
        g_memdup2(cpu->features, cpu->feature_count * sizeof *sorted);
    if (sorted != NULL) {
        qsort(sorted, cpu->feature_count, sizeof *sorted, compare_features);
    }
    const char *const texts[] = {cpu->mode, cpu->model, cpu->vendor, cpu->check};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_string_append_printf(key, "%s/", texts[i] != NULL ? texts[i] : "");
    }
    g_string_append_printf(key, "%u", cpu->phys_bits);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        g_string_append_printf(key, " %s%d", sorted[i].name, (int)sorted[i].policy);
    }
}

static char *make_key(const fleet_guest *guest)
{
    GString *key = g_string_new(NULL);
    const struct fleet_width *width = &guest->width;
    g_autofree char *bonds = g_strjoinv(" ", guest->bonds);
    g_autofree char *doubts = g_strjoinv(" ", guest->doubts);
    g_string_printf(key, "%s/%s/%s/%u/%u/%d%d%d%d%d%d%d/", guest->virt,
                    guest->machine != NULL ? guest->machine : "",
                    guest->arch != NULL ? guest->arch : "", guest->shape.vcpus,
                    guest->shape.per_socket, guest->shape.has_pmu, guest->shape.has_cpu_pm,
                    guest->has_acpi, guest->has_own_cpu, guest->has_own_mode,
                    guest->has_odd_topology, guest->has_tsc_frequency);
    g_string_append_printf(key, "%d%d%d/%u/%u/%s/%s/", width->is_hosts, width->is_said,
                           width->is_odd, width->max, width->host_has, bonds, doubts);
    if (guest->cpu != NULL) {
        add_cpu(key, guest->cpu);
    }
    return g_string_free(key, FALSE);
}

/// What it has at most, in KiB, as libvirt writes it; 0: it does not.
static guint64 read_memory(const xmlNode *root)
{
    const xmlNode *node = xml_find_child(root, "memory");
    g_autofree char *unit = node != NULL ? xml_get_attribute(node, "unit") : NULL;
    g_autofree char *text = node != NULL ? xml_get_text(node) : NULL;
    guint64 memory = 0;
    bool is_one = text != NULL && (unit == NULL || strcmp(unit, "KiB") == 0) &&
                  text_to_uint(text, HOST_MEMORY_MAX, &memory);
    return is_one ? memory : 0;
}

static bool get_bits(const xmlNode *node, const char *attribute, unsigned *ret_bits)
{
    g_autofree char *text = xml_get_attribute(node, attribute);
    guint64 bits = 0;
    bool is_one = text != NULL && text_to_uint(text, CPU_PHYS_BITS_MAX, &bits) && bits > 0;
    *ret_bits = (unsigned)bits;
    return is_one;
}

static struct fleet_width read_width(const xmlNode *root, const char *virt, const char *machine)
{
    const xmlNode *cpu = xml_find_child(root, "cpu");
    const xmlNode *node = cpu != NULL ? xml_find_child(cpu, "maxphysaddr") : NULL;
    g_autofree char *mode = node != NULL ? xml_get_attribute(node, "mode") : NULL;
    struct fleet_width width = {.is_said = node != NULL};
    unsigned bits = 0;
    if (strcmp(virt, "kvm") != 0 && node == NULL) { // QEMU's own emulation has one width
        return width;
    }
    if (node == NULL) {
        bool is_rhel = machine != NULL && strstr(machine, RHEL_PART) != NULL;
        width.is_hosts = is_rhel || (machine != NULL && g_str_has_suffix(machine, HPB_ENDING));
        width.max = is_rhel ? RHEL_WIDTH_MAX : 0;
    } else if (g_strcmp0(mode, "passthrough") == 0) {
        width.is_hosts = true;
        width.is_odd = !get_bits(node, "limit", &width.max) && xmlHasProp(node, (void *)"limit");
    } else {
        width.is_odd = g_strcmp0(mode, "emulate") != 0 || !get_bits(node, "bits", &bits) ||
                       bits < CPU_PHYS_BITS_MIN;
    }
    return width;
}

/// libvirt takes no topology that does not make the vCPUs: where it does not, something in it is
/// not known here.
static bool has_odd_topology(const xmlNode *root, const struct domain_guest *shape)
{
    const xmlNode *cpu = xml_find_child(root, "cpu");
    const xmlNode *topology = cpu != NULL ? xml_find_child(cpu, "topology") : NULL;
    g_autofree char *text = topology != NULL ? xml_get_attribute(topology, "sockets") : NULL;
    guint64 sockets = 1;
    bool is_count = text == NULL || (text_to_uint(text, G_MAXUINT16, &sockets) && sockets > 0);
    return topology != NULL && shape->vcpus != 0 &&
           (!is_count || sockets * shape->per_socket != shape->vcpus);
}

static char **take_strings(GPtrArray *list)
{
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(list, FALSE);
}

static void read_bonds(const xmlNode *root, fleet_guest *guest)
{
    GPtrArray *sure = g_ptr_array_new(), *unsure = g_ptr_array_new();
    bond_find(root, sure, unsure);
    guest->bonds = take_strings(sure);
    guest->doubts = take_strings(unsure);
}

int fleet_guest_parse(const char *xml, size_t len, const char *name, const char *host,
                      fleet_guest **ret_guest, cpulift_error **err)
{
    static const char *const type[] = {"os", "type", NULL}, *const acpi[] = {"features", "acpi",
                                                                             NULL};
    g_autoptr(domain_document) document = NULL;
    TRY(domain_parse(xml, len, name, &document, err));
    const xmlNode *root = xmlDocGetRootElement(document->tree);
    g_autofree char *virt = xml_get_attribute(root, "type");
    if (!xml_is_plain(root, "domain") || strcmp(document->guest, "?") == 0 || virt == NULL) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' is no domain with a type and a name; give the running guest's XML "
            "('virsh dumpxml')",
            name);
    }
    g_autoptr(fleet_guest) guest = g_new0(fleet_guest, 1);
    const xmlNode *cpu = xml_find_child(root, "cpu");
    TRY(cpu != NULL ? cpu_parse_node(cpu, name, &guest->cpu, err) : 0);
    guest->name = g_strdup(document->guest);
    guest->host = g_strdup(host);
    guest->virt = g_steal_pointer(&virt);
    guest->machine = get_at(root, type, "machine");
    guest->arch = get_at(root, type, "arch");
    guest->uuid =
        xml_find_child(root, "uuid") != NULL ? xml_get_text(xml_find_child(root, "uuid")) : NULL;
    guest->shape = guest_read(document);
    guest->memory = read_memory(root);
    guest->has_acpi = find_path(root, acpi) != NULL;
    guest->has_own_cpu = domain_has_own_cpu(document);
    guest->has_own_mode = domain_has_own_mode(document);
    guest->has_odd_topology = has_odd_topology(root, &guest->shape);
    guest->has_tsc_frequency = domain_has_tsc_frequency(root);
    guest->width = read_width(root, guest->virt, guest->machine);
    read_bonds(root, guest);
    guest->key = make_key(guest);
    *ret_guest = g_steal_pointer(&guest);
    return 0;
}

fleet_guest *fleet_guest_new_unread(const char *name, const char *host, const char *why)
{
    fleet_guest *guest = g_new0(fleet_guest, 1);
    guest->name = g_strdup(name);
    guest->host = g_strdup(host);
    guest->why = g_strdup(why);
    guest->bonds = g_new0(char *, 1);
    guest->doubts = g_new0(char *, 1);
    guest->key = g_strdup_printf("unread/%s", why);
    return guest;
}

int fleet_guest_take(const fleet_guest *guest, const catalog *map, compare_side *ret_side,
                     cpulift_error **err)
{
    if (guest->why != NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "%s", guest->why);
    }
    if (guest->cpu == NULL || guest->cpu->model == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "its XML names no model");
    }
    const char *unasked = cpu_is_binding(guest->cpu) ? NULL : guest->virt;
    const struct catalog_model *model = catalog_find_version(map, guest->cpu->model);
    g_autoptr(cpulift_cpu) known = cpu_copy(guest->cpu);
    if (model != NULL) {
        g_free(known->model);
        known->model = g_strdup(model->name);
    }
    TRY(compare_take_cpu(known, guest->name, unasked, guest->machine, map, ret_side, err));
    ret_side->cpu = guest->cpu;
    return 0;
}

void fleet_guest_set_host_width(fleet_guest *guest, unsigned bits)
{
    if (guest->width.is_hosts) {
        guest->width.host_has = bits;
        g_free(guest->key);
        guest->key = make_key(guest);
    }
}

fleet_guest *fleet_guest_restart(const fleet_guest *guest, const cpulift_plan *plan, unsigned qemu)
{
    if (guest->why != NULL) { // what it would be nobody knows either
        return fleet_guest_new_unread(guest->name, guest->host, guest->why);
    }
    fleet_guest *again = g_memdup2(guest, sizeof *guest);
    again->name = g_strdup(guest->name);
    again->host = g_strdup(guest->host);
    again->virt = g_strdup(guest->virt);
    again->machine = g_strdup(guest->machine);
    again->arch = g_strdup(guest->arch);
    again->uuid = g_strdup(guest->uuid);
    again->bonds = g_strdupv(guest->bonds);
    again->doubts = g_strdupv(guest->doubts);
    again->cpu = guest_define(plan, &guest->shape, qemu);
    again->width.is_hosts = guest->width.is_hosts && !guest->width.is_said && plan->phys_bits == 0;
    again->width.is_said = plan->phys_bits != 0;
    again->width.is_odd = false;
    again->key = make_key(again);
    return again;
}

void fleet_guest_free(fleet_guest *guest)
{
    if (guest != NULL) {
        g_free(guest->name);
        g_free(guest->host);
        cpu_free(guest->cpu);
        g_free(guest->virt);
        g_free(guest->machine);
        g_free(guest->arch);
        g_free(guest->uuid);
        g_strfreev(guest->bonds);
        g_strfreev(guest->doubts);
        g_free(guest->why);
        g_free(guest->key);
        g_free(guest);
    }
}
