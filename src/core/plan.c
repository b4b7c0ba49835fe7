// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/plan.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <string.h>

static const struct {
    const char *key;
    enum cpu_policy policy;
} policy_lists[] = {
    {"require", CPU_REQUIRE},
    {"disable", CPU_DISABLE},
    {"optional", CPU_OPTIONAL},
};

static const struct {
    const char *key;
    size_t offset;
} cpu_strings[] = {
    {"mode", offsetof(cpulift_cpu, mode)},         {"match", offsetof(cpulift_cpu, match)},
    {"check", offsetof(cpulift_cpu, check)},       {"model", offsetof(cpulift_cpu, model)},
    {"fallback", offsetof(cpulift_cpu, fallback)}, {"vendor", offsetof(cpulift_cpu, vendor)},
};

#define PLACE(type, base, offset) ((type *)(void *)((char *)(base) + (offset)))

json_t *plan_format_definition(const cpulift_cpu *cpu)
{
    json_t *json = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(cpu_strings); i++) {
        const char *value = *PLACE(char *const, cpu, cpu_strings[i].offset);
        if (value != NULL) {
            json_object_set_new(json, cpu_strings[i].key, json_string(value));
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(policy_lists); i++) {
        json_t *list = json_array();
        for (size_t f = 0; f < cpu->feature_count; f++) {
            if (cpu->features[f].policy == policy_lists[i].policy) {
                json_array_append_new(list, json_string(cpu->features[f].name));
            }
        }
        json_object_set_new(json, policy_lists[i].key, list);
    }
    if (cpu->phys_bits != 0) {
        json_object_set_new(json, "phys_bits", json_integer(cpu->phys_bits));
    }
    return json;
}

struct cpu_list {
    cpulift_cpu *cpu;
    enum cpu_policy policy;
    GHashTable *seen;  ///< names, borrowed
    const char *where; ///< for messages
};

static int add_cpu_feature(void *data, const char *name, cpulift_error **err)
{
    struct cpu_list *list = data;
    if (!text_is_name(name)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': '%s' is no feature name", list->where,
                                 name);
    }
    if (!g_hash_table_add(list->seen, (void *)name)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s': the definition says twice what guests get of feature '%s'",
                                 list->where, name);
    }
    cpu_add_feature(list->cpu, name, list->policy);
    return 0;
}

static int parse_definition(const json_t *json, const char *name, cpulift_cpu **ret_cpu,
                            cpulift_error **err)
{
    g_autoptr(cpulift_cpu) cpu = cpu_new();
    for (size_t i = 0; i < G_N_ELEMENTS(cpu_strings); i++) {
        const char *value = json_get_string(json, cpu_strings[i].key);
        if (value != NULL && !text_is_name(value)) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s': the definition's %s '%s' is no name", name,
                                     cpu_strings[i].key, value);
        }
        *PLACE(char *, cpu, cpu_strings[i].offset) = g_strdup(value);
    }
    guint64 bits = 0;
    int rc = json_read_uint(json, "phys_bits", CPU_PHYS_BITS_MAX, name, &bits, err);
    cpu->phys_bits = (unsigned)bits;
    if (rc == 0 && cpu->model == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' has no definition with a model; make it with "
                                 "'cpulift plan'",
                                 name);
    }
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < G_N_ELEMENTS(policy_lists) && rc == 0; i++) {
        struct cpu_list list = {cpu, policy_lists[i].policy, seen, name};
        rc = json_each_string(json, policy_lists[i].key, name, add_cpu_feature, &list, err);
    }
    if (rc == 0) {
        *ret_cpu = g_steal_pointer(&cpu);
    }
    return rc;
}

static int add_string(void *data, const char *string, cpulift_error **err)
{
    (void)err;
    g_ptr_array_add(data, g_strdup(string));
    return 0;
}

static int parse_members(const json_t *json, const char *name, cpulift_plan *plan,
                         cpulift_error **err)
{
    const struct {
        const char *key;
        char **place;
    } strings[] = {{"pool", &plan->pool},
                   {"variant", &plan->variant},
                   {"virt", &plan->virt},
                   {"machine", &plan->machine}};
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
        const char *value = json_get_string(json, strings[i].key);
        if (value == NULL || !text_is_name(value)) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': \"%s\" is missing or no name",
                                     name, strings[i].key);
        }
        *strings[i].place = g_strdup(value);
    }
    guint64 bits = 0;
    int rc = json_read_uint(json, "phys_bits", CPU_PHYS_BITS_MAX, name, &bits, err);
    plan->phys_bits = (unsigned)bits;
    g_autoptr(GPtrArray) features = g_ptr_array_new_with_free_func(g_free);
    if (rc == 0) {
        rc = json_each_string(json, "features", name, add_string, features, err);
    }
    if (rc == 0) {
        plan->feature_count = features->len;
        g_ptr_array_add(features, NULL);
        plan->features = (char **)g_ptr_array_free(g_steal_pointer(&features), FALSE);
    }
    return rc;
}

int plan_from_json(json_t *json, const char *name, cpulift_plan **ret_plan, cpulift_error **err)
{
    int rc = json_check_schema(json, name, PLAN_SCHEMA, err);
    if (rc != 0) {
        return rc;
    }
    g_autoptr(cpulift_plan) plan = g_new0(cpulift_plan, 1);
    plan->document = json_incref(json);
    rc = parse_members(json, name, plan, err);
    if (rc == 0) {
        rc = parse_definition(json_object_get(json, "definition"), name, &plan->cpu, err);
    }
    if (rc == 0) {
        *ret_plan = g_steal_pointer(&plan);
    }
    return rc;
}

int plan_parse(const char *text, size_t len, const char *name, cpulift_plan **ret_plan,
               cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    int rc = json_parse_text(text, len, name, &json, err);
    return rc != 0 ? rc : plan_from_json(json, name, ret_plan, err);
}

int plan_load(const char *path, cpulift_plan **ret_plan, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    int rc = file_load(path, PLAN_FILE_MAX, &text, &len, err);
    return rc != 0 ? rc : plan_parse(text, len, path, ret_plan, err);
}

void plan_free(cpulift_plan *plan)
{
    if (plan != NULL) {
        g_free(plan->pool);
        g_free(plan->variant);
        g_free(plan->virt);
        g_free(plan->machine);
        g_strfreev(plan->features);
        cpu_free(plan->cpu);
        json_decref(plan->document);
        g_free(plan);
    }
}
