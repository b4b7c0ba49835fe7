// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/narrow.h"

#include "base/json.h"
#include "base/xml.h"
#include "core/import.h"
#include "core/machine.h"

#include <string.h>

static void free_offer(void *data)
{
    struct offer *offer = data;
    g_free(offer->virt);
    g_free(offer->machine);
    g_free(offer);
}

static bool has_machine(const xmlNode *arch, const char *machine)
{
    for (xmlNode *m = xml_find_child(arch, "machine"); m != NULL; m = xml_find_next(m, "machine")) {
        g_autofree char *name = xml_get_text(m);
        if (strcmp(name, machine) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_virt(const xmlNode *arch, const char *virt)
{
    for (xmlNode *d = xml_find_child(arch, "domain"); d != NULL; d = xml_find_next(d, "domain")) {
        g_autofree char *type = xml_get_attribute(d, "type");
        if (g_strcmp0(type, virt) == 0) {
            return true;
        }
    }
    return false;
}

static void add_offers(GPtrArray *offers, const xmlNode *arch)
{
    for (const char *const *virt = machine_virts; *virt != NULL; virt++) {
        for (const char *const *machine = machine_names; *machine != NULL; machine++) {
            if (has_virt(arch, *virt) && has_machine(arch, *machine)) {
                struct offer *offer = g_new0(struct offer, 1);
                offer->virt = g_strdup(*virt);
                offer->machine = g_strdup(*machine);
                g_ptr_array_add(offers, offer);
            }
        }
    }
}

int narrow_read_offers(const xmlNode *capabilities, const char *name, GPtrArray **ret_offers,
                       cpulift_error **err)
{
    g_autoptr(GPtrArray) offers = g_ptr_array_new_with_free_func(free_offer);
    for (xmlNode *g = xml_find_child(capabilities, "guest"); g != NULL;
         g = xml_find_next(g, "guest")) {
        xmlNode *arch = xml_find_child(g, "arch");
        g_autofree char *arch_name = arch != NULL ? xml_get_attribute(arch, "name") : NULL;
        if (g_strcmp0(arch_name, "x86_64") == 0) {
            add_offers(offers, arch);
        }
    }
    if (offers->len == 0) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "'%s' offers no x86_64 guests on pc or q35; is QEMU installed "
                                 "there?",
                                 name);
    }
    *ret_offers = g_steal_pointer(&offers);
    return 0;
}

void narrow_note_migratable(struct host_guest *guest, const catalog *map)
{
    feature_set stuck = feature_set_subtract(guest->features, catalog_get_migratable(map));
    guest->not_migratable = feature_set_unite(guest->not_migratable, stuck);
}

/// Takes out of the usable models those that QEMU blocks.
static void remove_blocked(struct host_guest *guest, const json_t *blocked)
{
    size_t kept = 0;
    for (char **model = guest->usable_models; model != NULL && *model != NULL; model++) {
        if (json_object_get(blocked, *model) != NULL) {
            g_free(*model);
        } else {
            guest->usable_models[kept++] = *model;
        }
    }
    if (guest->usable_models != NULL) {
        guest->usable_models[kept] = NULL;
    }
}

/// Notes why QEMU cannot give models, of those that libvirt knows.
static int add_blockers(struct host_guest *guest, const json_t *definitions, const char *name,
                        const catalog *map, cpulift_error **err)
{
    struct host_guest qemu = {0};
    TRY(import_definitions(definitions, name, map, &qemu, err));
    const char *model;
    json_t *why;
    json_object_foreach (qemu.blocked_models, model, why) {
        if (catalog_find_model(map, model) != NULL) {
            guest->blocked_models =
                guest->blocked_models != NULL ? guest->blocked_models : json_object();
            json_object_set(guest->blocked_models, model, why);
        }
    }
    remove_blocked(guest, qemu.blocked_models);
    json_decref(qemu.blocked_models);
    g_strfreev(qemu.usable_models);
    return 0;
}

static int read_expansion(const json_t *answer, const char *name, const catalog *map,
                          feature_set *ret_features, char ***ret_unknown, cpulift_error **err)
{
    g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);
    TRY(import_expansion(answer, name, map, ret_features, unknown, err));
    if (ret_unknown != NULL && unknown->len > 0) {
        record_merge_strings(ret_unknown, unknown);
    }
    return 0;
}

int narrow_guest(struct host_guest *guest, const struct narrow_answers *answers, const char *name,
                 const catalog *map, cpulift_error **err)
{
    feature_set all, migratable;
    TRY(read_expansion(answers->all, name, map, &all, &guest->unknown, err));
    TRY(read_expansion(answers->migratable, name, map, &migratable, NULL, err));
    guest->libvirt_only = feature_set_subtract(guest->features, all);
    guest->qemu_only = feature_set_subtract(all, guest->features);
    guest->features = feature_set_intersect(guest->features, all);
    guest->possible = feature_set_intersect(guest->possible, all);
    guest->qemu_only = feature_set_subtract(guest->qemu_only, guest->possible);
    guest->not_migratable =
        feature_set_intersect(feature_set_subtract(all, migratable), guest->features);
    narrow_note_migratable(guest, map);
    return answers->definitions != NULL ? add_blockers(guest, answers->definitions, name, map, err)
                                        : 0;
}
