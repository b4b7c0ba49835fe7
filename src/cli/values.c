// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/values.h"

#include "cli/command.h"
#include "core/catalog.h"
#include "core/cpu_words.h"
#include "core/plan.h"

#include <string.h>

void values_add_features(const char *const *arguments, size_t count, GPtrArray *values)
{
    (void)arguments;
    (void)count;
    g_autoptr(catalog) map = NULL;
    size_t known = catalog_load(NULL, &map, NULL) == 0 ? catalog_feature_count(map) : 0;
    for (size_t i = 0; i < known; i++) {
        g_ptr_array_add(values, g_strdup(catalog_get_feature(map, i)->name));
    }
}

void values_add_models(const char *const *arguments, size_t count, GPtrArray *values)
{
    (void)arguments;
    (void)count;
    g_autoptr(catalog) map = NULL;
    for (unsigned level = 1; level <= CPU_WORDS_LEVEL_MAX; level++) {
        g_ptr_array_add(values, g_strdup_printf(CPU_WORDS_LEVEL "%u", level));
    }
    size_t known = catalog_load(NULL, &map, NULL) == 0 ? catalog_model_count(map) : 0;
    for (size_t i = 0; i < known; i++) {
        g_ptr_array_add(values, g_strdup(catalog_get_model(map, i)->name));
    }
}

bool values_is_help(const char *cpu)
{
    return cpu != NULL && strcmp(cpu, "help") == 0;
}

int values_list_cpus(void)
{
    char *line[] = {(char *)"cpulift", (char *)"run", (char *)"--cpu", (char *)"help", NULL};
    return command_execute("cpulift-run", line);
}

void values_add_hosts(const char *const *arguments, size_t count, GPtrArray *values)
{
    g_autoptr(cpulift_plan) plan = NULL;
    // A shell waits for the answer: nothing is read that could take forever.
    if (count == 0 || !g_file_test(arguments[0], G_FILE_TEST_IS_REGULAR) ||
        plan_load(arguments[0], &plan, NULL) != 0) {
        return;
    }
    size_t k, i;
    const json_t *kind, *host;
    json_array_foreach (json_object_get(plan->document, "kinds"), k, kind) {
        json_array_foreach (json_object_get(kind, "hosts"), i, host) {
            g_ptr_array_add(values, g_strdup(json_string_value(host)));
        }
    }
}
