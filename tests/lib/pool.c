// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "core/import.h"
#include "core/planner_define.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

feature_set pool_get_features(const char *names)
{
    feature_set set = {0};
    g_auto(GStrv) list = g_strsplit(names != NULL ? names : "", " ", -1);
    for (char **name = list; *name != NULL; name++) {
        g_autoptr(cpulift_error) err = NULL;
        if (**name != '\0' &&
            catalog_add_feature(support_get_catalog(), *name, "the test", &set, &err) != 0) {
            g_error("%s", err->message);
        }
    }
    return set;
}

static feature_set compute_features(const struct pool_host *host, const char *virt)
{
    const catalog *map = support_get_catalog();
    feature_set set = pool_get_features(host->more);
    if (host->model != NULL) {
        const struct catalog_model *model = catalog_find_model(map, host->model);
        feature_set adds, drops;
        planner_get_virt_changes(map, virt, &adds, &drops);
        feature_set all = feature_set_unite(model->features, model->qemu_adds);
        set = feature_set_unite(set, feature_set_unite(feature_set_subtract(all, drops), adds));
    }
    return feature_set_subtract(set, pool_get_features(host->less));
}

static char **split(const char *names)
{
    return names != NULL ? g_strsplit(names, " ", -1) : NULL;
}

char *pool_format_host(const struct pool_host *described)
{
    const catalog *map = support_get_catalog();
    const char *virt = described->virt != NULL ? described->virt : "kvm";
    const struct catalog_model *model =
        described->model != NULL ? catalog_find_model(map, described->model) : NULL;
    const char *vendor = described->vendor != NULL ? described->vendor : model ? model->vendor : "";
    g_autoptr(cpulift_host) host = host_new(described->name);
    host->arch = g_strdup(described->arch != NULL ? described->arch : "x86_64");
    host->vendor = vendor == NULL || *vendor == '\0' ? NULL : g_strdup(vendor);
    host->libvirt_version = g_strdup(described->libvirt);
    host->qemu_version = g_strdup(described->qemu);
    host->kernel_version = g_strdup(described->kernel);
    host->libvirt_models = split(described->known);
    struct host_guest *guest =
        host_add_guest(host, virt, described->machine != NULL ? described->machine : "pc");
    guest->features = compute_features(described, virt);
    guest->not_migratable = pool_get_features(described->stuck);
    guest->usable_models = split(described->usable);
    guest->phys_bits = described->phys_bits;
    guest->unknown = split(described->unknown);
    g_autoptr(json_t) json = host_format(host, map);
    return json_format_line(json);
}

inventory *pool_new(const struct pool_host *hosts, size_t count)
{
    inventory *inv = inventory_new(support_get_catalog());
    for (size_t i = 0; i < count; i++) {
        g_autofree char *text = pool_format_host(&hosts[i]);
        g_autoptr(cpulift_error) err = NULL;
        if (inventory_add_text(inv, text, strlen(text), hosts[i].name, &err) != 0) {
            g_error("%s", err->message);
        }
    }
    inventory_sort(inv);
    return inv;
}

cpulift_plan *pool_plan(const struct pool_host *hosts, size_t count,
                        const struct planner_options *options, cpulift_error **err)
{
    static const struct planner_options defaults;
    g_autoptr(inventory) inv = pool_new(hosts, count);
    cpulift_plan *plan = NULL;
    int rc = planner_compute(inv, options != NULL ? options : &defaults, &plan, err);
    g_assert((rc == 0) == (plan != NULL));
    return plan;
}

feature_set pool_get_planned(const cpulift_plan *plan)
{
    g_autofree char *names = g_strjoinv(" ", plan->features);
    return pool_get_features(names);
}

static const json_t *find(const cpulift_plan *plan, const char *list, const char *key,
                          const char *value)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(plan->document, list), i, item) {
        if (g_strcmp0(json_get_string(item, key), value) == 0) {
            return item;
        }
    }
    return NULL;
}

const char *pool_get_reason(const cpulift_plan *plan, const char *feature)
{
    return json_get_string(find(plan, "omitted", "feature", feature), "reason");
}

const char *pool_get_warning(const cpulift_plan *plan, const char *code)
{
    return json_get_string(find(plan, "warnings", "code", code), "text");
}

int pool_get_policy(const cpulift_plan *plan, const char *feature)
{
    for (size_t i = 0; i < plan->cpu->feature_count; i++) {
        if (strcmp(plan->cpu->features[i].name, feature) == 0) {
            return (int)plan->cpu->features[i].policy;
        }
    }
    return -1;
}

static void machine_free(void *data)
{
    struct pool_machine *machine = data;
    g_free(machine->name);
    g_free(machine->vendor);
    g_free(machine->document);
    g_free(machine);
}

static void read_expansion(const char *path, struct pool_machine *machine)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(json_t) replies = NULL;
    g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);
    if (file_load(path, FILE_DOCUMENT_MAX, &text, &len, &err) != 0 ||
        json_parse_sequence(text, len, path, &replies, &err) != 0 ||
        import_expansion(json_array_get(replies, 0), path, support_get_catalog(),
                         &machine->expansion, unknown, &err) != 0) {
        g_error("%s", err->message);
    }
}

static void read_signature(const char *folder, struct pool_machine *machine)
{
    g_autofree char *path = g_build_filename(folder, machine->name, "signature.txt", NULL);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        sscanf(text, "%*s family: %u %*s model: %u %*s stepping: %u", &machine->family,
               &machine->model, &machine->stepping) != 3) {
        g_error("%s", path);
    }
}

static struct pool_machine *load_machine(const char *folder, const char *name)
{
    const catalog *map = support_get_catalog();
    const struct import_options options = {NULL, NULL, false};
    struct pool_machine *machine = g_new0(struct pool_machine, 1);
    g_autofree char *path = g_build_filename(folder, name, "guest-cpu.xml", NULL);
    g_autofree char *replies =
        g_build_filename(folder, name, "query-cpu-model-expansion.json", NULL);
    g_autoptr(cpulift_host) host = host_new(name);
    g_autofree char *text = NULL;
    size_t len = 0;
    g_autoptr(cpulift_error) err = NULL;
    if (file_load(path, FILE_DOCUMENT_MAX, &text, &len, &err) != 0 ||
        import_text(text, len, path, map, &options, host, &err) != 0) {
        g_error("%s", err->message);
    }
    g_autoptr(json_t) json = host_format(host, map);
    machine->name = g_strdup(name);
    machine->vendor = g_strdup(host->vendor);
    machine->document = json_format_line(json);
    machine->features = host_find_guest(host, "kvm", "pc")->features;
    read_expansion(replies, machine);
    read_signature(folder, machine);
    return machine;
}

GPtrArray *pool_load_machines(void)
{
    g_autofree char *folder = support_find_shared("fleet/hosts");
    g_autoptr(GDir) dir = folder != NULL ? g_dir_open(folder, 0, NULL) : NULL;
    if (dir == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, text_compare);
    GPtrArray *machines = g_ptr_array_new_with_free_func(machine_free);
    for (size_t i = 0; i < names->len; i++) {
        g_ptr_array_add(machines, load_machine(folder, names->pdata[i]));
    }
    return machines;
}
