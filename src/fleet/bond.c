// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/bond.h"

#include <string.h>

static bool is_value(const xmlNode *node, const char *attribute, const char *value)
{
    g_autofree char *said = xml_get_attribute(node, attribute);
    return g_strcmp0(said, value) == 0;
}

/// QEMU takes such a device out of the guest for the move.
static bool is_transient(const xmlNode *node)
{
    const xmlNode *teaming = xml_find_child(node, "teaming");
    return teaming != NULL && is_value(teaming, "type", "transient");
}

static bool is_hostdev(const xmlNode *node)
{
    return !is_value(node, "type", "usb") && !is_transient(node);
}

static bool is_host_interface(const xmlNode *node)
{
    return (is_value(node, "type", "hostdev") && !is_transient(node)) ||
           is_value(node, "type", "vdpa");
}

static bool is_nvme(const xmlNode *node)
{
    return is_value(node, "type", "nvme");
}

static bool is_transient_disk(const xmlNode *node)
{
    return xml_find_child(node, "transient") != NULL;
}

static bool is_no_master(const xmlNode *node)
{
    return !is_value(node, "role", "master");
}

/// virtiofs, from some libvirt on perhaps; 9p, while the guest has it mounted.
static bool is_folder(const xmlNode *node)
{
    g_autofree char *type = xml_get_attribute(node, "type");
    return type == NULL || strcmp(type, "mount") == 0;
}

static bool is_passthrough(const xmlNode *node)
{
    return is_value(node, "mode", "passthrough");
}

static bool is_any(const xmlNode *node)
{
    (void)node;
    return true;
}

/// Sources: qemuMigrationSrcIsAllowed of libvirt 9.0 to 11.3 (src/qemu/qemu_migration.c), which
/// asks QEMU where that can tell (hostdevs of some drivers do move since), and says the rest
/// itself; QEMU's target/i386/sev.c; libvirt's docs/formatdomain.rst on hyperv.
static const struct {
    const char *parent, *element;
    const char *attribute; ///< that is told; NULL: none
    const char *child;     ///< or this child is; NULL: none
    bool (*ties)(const xmlNode *node);
    bool is_sure;
} rules[] = {
    {"devices", "disk", "type", NULL, is_nvme, false},
    {"devices", "disk", NULL, "transient", is_transient_disk, true},
    {"devices", "filesystem", NULL, NULL, is_folder, false},
    {"devices", "hostdev", "type", NULL, is_hostdev, false},
    {"devices", "interface", "type", NULL, is_host_interface, false},
    {"devices", "shmem", NULL, NULL, is_no_master, true},
    {"features", "hyperv", "mode", NULL, is_passthrough, false},
    {NULL, "launchSecurity", "type", NULL, is_any, true},
};

static char *describe(const xmlNode *node, size_t rule)
{
    const char *attribute = rules[rule].attribute, *child = rules[rule].child;
    g_autofree char *value = attribute != NULL ? xml_get_attribute(node, attribute) : NULL;
    return value != NULL   ? g_strdup_printf("<%s %s='%s'>", rules[rule].element, attribute, value)
           : child != NULL ? g_strdup_printf("<%s><%s>", rules[rule].element, child)
                           : g_strdup_printf("<%s>", rules[rule].element);
}

/// Takes the text over; each is said once.
static void add(GPtrArray *list, char *text)
{
    if (g_ptr_array_find_with_equal_func(list, text, g_str_equal, NULL)) {
        g_free(text);
    } else {
        g_ptr_array_add(list, text);
    }
}

static void find_below(const xmlNode *parent, size_t rule, GPtrArray *list)
{
    const xmlNode *node = xml_find_child(parent, rules[rule].element);
    for (; node != NULL; node = xml_find_next(node, rules[rule].element)) {
        if (rules[rule].ties(node)) {
            add(list, describe(node, rule));
        }
    }
}

/// libvirt reads every <devices> and every <features>.
void bond_find(const xmlNode *domain, GPtrArray *sure, GPtrArray *unsure)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        GPtrArray *list = rules[i].is_sure ? sure : unsure;
        if (rules[i].parent == NULL) {
            find_below(domain, i, list);
            continue;
        }
        const xmlNode *parent = xml_find_child(domain, rules[i].parent);
        for (; parent != NULL; parent = xml_find_next(parent, rules[i].parent)) {
            find_below(parent, i, list);
        }
    }
}

bool bond_ties(const xmlNode *node)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        const char *parent = rules[i].parent != NULL ? rules[i].parent : "domain";
        if (xml_is_plain(node, rules[i].element) && xml_is_plain(node->parent, parent) &&
            rules[i].ties(node)) {
            return true;
        }
    }
    return false;
}

void bond_reduce(xmlNode *node)
{
    static const char *const kept[] = {"type", "mode", "role", NULL};
    for (xmlAttr *one = node->properties, *next = NULL; one != NULL; one = next) {
        next = one->next;
        if (!g_strv_contains(kept, (const char *)one->name)) {
            xmlRemoveProp(one);
        }
    }
    for (xmlNode *child = node->children, *next = NULL; child != NULL; child = next) {
        next = child->next;
        if (!xml_is_plain(child, "transient")) {
            xmlUnlinkNode(child);
            xmlFreeNode(child);
        }
    }
}
