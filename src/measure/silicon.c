// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/silicon.h"

#include "base/json.h"
#include "base/text.h"
#include "core/planner.h"

#include <cpuid.h>
#include <string.h>

static bool has_bit(const struct feature_bit *bit)
{
    uint32_t regs[4];
    return !bit->is_msr &&
           __get_cpuid_count(bit->leaf, bit->subleaf, &regs[0], &regs[1], &regs[2], &regs[3]) &&
           (regs[0] & bit->regs[0]) == bit->regs[0] && (regs[1] & bit->regs[1]) == bit->regs[1] &&
           (regs[2] & bit->regs[2]) == bit->regs[2] && (regs[3] & bit->regs[3]) == bit->regs[3];
}

/// A feature that several bits announce is there when one of them is (libvirt reads the map so).
static feature_set read_features(const catalog *map)
{
    feature_set set = {0};
    for (size_t i = 0; i < catalog_feature_count(map); i++) {
        const struct catalog_feature *feature = catalog_get_feature(map, i);
        for (size_t b = 0; b < feature->bit_count; b++) {
            if (has_bit(&feature->bits[b])) {
                feature_set_add(&set, i);
            }
        }
    }
    return set;
}

static void read_identity(const catalog *map, cpulift_host *host)
{
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    char vendor[13] = "";
    __get_cpuid(0, &eax, &ebx, &ecx, &edx);
    memcpy(vendor, &ebx, 4);
    memcpy(vendor + 4, &edx, 4);
    memcpy(vendor + 8, &ecx, 4);
    const struct catalog_vendor *row = catalog_find_vendor(map, vendor);
    host->vendor = g_strdup(row != NULL ? row->name : vendor);
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    unsigned family = eax >> 8 & 15;
    host->family = family == 15 ? family + (eax >> 20 & 255) : family;
    host->model = (eax >> 4 & 15) + (eax >> 12 & 240);
    host->stepping = eax & 15;
}

/// Every model: a definition may disable what this processor lacks of one. Without this the planner
/// takes only models that are there whole, and names a kvm64 where one feature of the processor's
/// own family is missing, for which libraries then choose their oldest code (docs/METHOD.md).
static char **name_models(const catalog *map)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        g_ptr_array_add(names, g_strdup(catalog_get_model(map, i)->name));
    }
    g_ptr_array_sort(names, text_compare);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

static json_t *describe(const catalog *map)
{
    g_autoptr(cpulift_host) host = host_new("this-machine");
    host->arch = g_strdup("x86_64");
    host->source = g_strdup("cpu");
    host->is_silicon = true;
    read_identity(map, host);
    struct host_guest *guest = host_add_guest(host, "kvm", "q35");
    guest->features = read_features(map);
    guest->usable_models = name_models(map);
    return host_format(host, map);
}

int silicon_compute(char **ret_plan, cpulift_error **err)
{
    g_autoptr(catalog) map = NULL;
    TRY(catalog_load(NULL, &map, err));
    g_autoptr(json_t) json = describe(map);
    g_autofree char *text = json_format_document(json);
    g_autoptr(inventory) inv = inventory_new(map);
    TRY(inventory_add_text(inv, text, strlen(text), "this machine's CPUID", err));
    inventory_sort(inv);
    const struct planner_options how = {.pool = "this-machine"};
    g_autoptr(cpulift_plan) plan = NULL;
    TRY(planner_compute(inv, &how, &plan, err));
    *ret_plan = json_format_document(plan->document);
    return 0;
}
