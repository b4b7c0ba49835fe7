// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/cpu/definition.h"

#include "base/file.h"
#include "base/text.h"
#include "core/cpu_words.h"
#include "core/planner.h"
#include "core/variant.h"

#include <string.h>

/// Takes model, features and address width from a definition in libvirt's form. A guest has what
/// QEMU's model has, also where libvirt's idea of it lacks a feature, unless it is switched off.
static int take_cpu(const cpulift_cpu *cpu, const catalog *map, struct definition *ret,
                    cpulift_error **err)
{
    feature_set set;
    TRY(cpu_expand(cpu, map, &set, err));
    const struct catalog_model *model = cpu->model ? catalog_find_model(map, cpu->model) : NULL;
    if (model != NULL) {
        set = feature_set_unite(set, model->qemu_adds);
    }
    for (size_t i = 0; i < cpu->feature_count; i++) {
        int id = catalog_find_feature(map, cpu->features[i].name);
        enum cpu_policy policy = cpu->features[i].policy;
        if (id >= 0 && cpu_is_off(policy)) {
            feature_set_remove(&set, (size_t)id);
        }
    }
    ret->model = g_strdup(cpu->model);
    ret->cpu.features = set;
    ret->cpu.phys_bits = cpu->phys_bits;
    return 0;
}

/// A plan states every feature itself.
static int take_plan(const cpulift_plan *plan, const char *name, const catalog *map,
                     struct definition *ret, cpulift_error **err)
{
    for (size_t i = 0; i < plan->feature_count; i++) {
        TRY(catalog_add_feature(map, plan->features[i], name, &ret->cpu.features, err));
    }
    ret->model = g_strdup(plan->cpu->model);
    ret->cpu.phys_bits = plan->phys_bits;
    return 0;
}

static int load_variant(const char *name, const catalog *map, struct definition *ret,
                        cpulift_error **err)
{
    const struct planner_options options = {0};
    g_autoptr(cpulift_plan) plan = NULL;
    TRY(planner_compute_variant(name, &options, map, &plan, err));
    return take_plan(plan, name, map, ret, err);
}

/// A model's name, or with features behind it.
static int load_words(const char *name, const catalog *map, struct definition *ret,
                      cpulift_error **err)
{
    g_autoptr(cpulift_cpu) cpu = NULL;
    TRY(cpu_words_parse(name, map, NULL, &cpu, err));
    return take_cpu(cpu, map, ret, err);
}

static int load_file(const char *name, const catalog *map, struct definition *ret,
                     cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len;
    TRY(file_load(name, FILE_DOCUMENT_MAX, &text, &len, err));
    if (text[strspn(text, " \t\r\n")] == '{') {
        g_autoptr(cpulift_plan) plan = NULL;
        TRY(plan_parse(text, len, name, &plan, err));
        return take_plan(plan, name, map, ret, err);
    }
    g_autoptr(cpulift_cpu) cpu = NULL;
    TRY(cpu_parse(text, len, name, &cpu, err));
    TRY(cpu_check_said(cpu, name, err));
    return take_cpu(cpu, map, ret, err);
}

static int load_any(const char *name, const catalog *map, struct definition *ret,
                    cpulift_error **err)
{
    if (strcmp(name, "host") == 0) {
        ret->cpu.is_host = true;
        return 0;
    }
    if (variant_find(name) != NULL) {
        return load_variant(name, map, ret, err);
    }
    if (catalog_find_model(map, name) != NULL) {
        return load_words(name, map, ret, err);
    }
    if (strcmp(name, "-") == 0 || g_file_test(name, G_FILE_TEST_EXISTS)) {
        return load_file(name, map, ret, err);
    }
    if (cpu_words_is(name, map)) {
        return load_words(name, map, ret, err);
    }
    g_autofree char *meant = catalog_suggest_model(map, name);
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "unknown CPU '%s': neither a model of libvirt's nor a file; give a "
        "model's name (with features: NAME,+f,-f), a plan, an XML file, 2014, default, paper or "
        "host%s",
        name, meant);
}

static int set_vendor(const char *name, const catalog *map, struct definition *ret,
                      cpulift_error **err)
{
    const struct catalog_model *model = ret->model ? catalog_find_model(map, ret->model) : NULL;
    const struct catalog_vendor *vendor =
        model != NULL && model->vendor != NULL ? catalog_find_vendor(map, model->vendor) : NULL;
    if (vendor != NULL) {
        ret->vendor = g_strdup(vendor->string);
    } else if (ret->cpu.signature != NULL) {
        ret->vendor = g_strdup(ret->cpu.signature->vendor);
    } else if (!ret->cpu.is_host) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the model of '%s' has no vendor: leave --vendor out", name);
    }
    ret->cpu.vendor = ret->vendor;
    return 0;
}

int definition_load(const char *name, bool is_model_vendor, const catalog *map,
                    struct definition *ret, cpulift_error **err)
{
    DEFINITION_AUTO definition = {0};
    TRY(load_any(name, map, &definition, err));
    if (definition.model != NULL) {
        definition.cpu.signature = mask_signature_find(definition.model);
    }
    if (is_model_vendor) {
        TRY(set_vendor(name, map, &definition, err));
    }
    *ret = definition;
    definition = (struct definition){0};
    return 0;
}

void definition_clear(struct definition *definition)
{
    g_clear_pointer(&definition->model, g_free);
    g_clear_pointer(&definition->vendor, g_free);
}

/// The names as one text, NULL where there are none. The caller frees it.
static char *join_names(const catalog *map, const feature_set *set, size_t most)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    feature_set_foreach (id, set) {
        g_ptr_array_add(names, catalog_get_feature(map, id)->name);
    }
    return names->len == 0 ? NULL
                           : text_join_some((const char *const *)names->pdata, names->len, most);
}

char *definition_list_lacking(const struct definition *definition, const catalog *map,
                              mask_cpuid_fn read, void *data, size_t most)
{
    feature_set lacking = mask_find_lacking(&definition->cpu, map, read, data);
    return join_names(map, &lacking, most);
}

int definition_check(const struct definition *definition, const char *name, const catalog *map,
                     mask_cpuid_fn read, void *data, cpulift_error **err)
{
    g_autofree char *list = definition_list_lacking(definition, map, read, data, SIZE_MAX);
    return list == NULL
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "the CPU '%s' cannot be shown here: programs would use "
                                   "instructions that this machine lacks (%s); choose a smaller "
                                   "definition, or leave them out by --drop-missing",
                                   name, list);
}

char *definition_drop_lacking(struct definition *definition, const catalog *map, mask_cpuid_fn read,
                              void *data)
{
    feature_set before = definition->cpu.features;
    feature_set lacking = mask_find_lacking(&definition->cpu, map, read, data);
    feature_set rest = feature_set_subtract(before, lacking);
    // What was without what it needs before is the definition's own affair.
    feature_set needing = feature_set_subtract(catalog_find_unsupported(map, rest, NULL),
                                               catalog_find_unsupported(map, before, NULL));
    feature_set dropped = feature_set_unite(lacking, needing);
    definition->cpu.features = feature_set_subtract(before, dropped);
    return join_names(map, &dropped, SIZE_MAX);
}
