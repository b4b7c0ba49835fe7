// SPDX-License-Identifier: LGPL-2.1-or-later
/// Our table of QEMU's models (core/tables/qemu_models.def) against the QEMU that is installed:
/// what each named model has beyond libvirt's idea of it, and its signature.
#include "base/json.h"
#include "core/import.h"
#include "support.h"
#include "virt/qmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define TIMEOUT_MS 60000
/// The QEMU whose models the table describes.
#define TABLE_MAJOR 7
#define TABLE_MINOR 2

static const char *const table[] = {
#define QEMU_MODEL(name, family, model, stepping, adds) name,
#include "core/tables/qemu_models.def"
#undef QEMU_MODEL
};

static json_t *expand(qmp *session, const char *name)
{
    json_t *answer = NULL;
    g_autoptr(cpulift_error) err = NULL;
    json_t *arguments = json_pack("{s:s, s:{s:s}}", "type", "full", "model", "name", name);
    if (qmp_execute(session, "query-cpu-model-expansion", arguments, &answer, &err) != 0) {
        fail_msg("%s: %s", name, err->message);
    }
    return answer;
}

static void check_signature(const struct catalog_model *model, const json_t *props)
{
    assert_int_equal(json_get_uint(props, "family", 0), model->family);
    assert_int_equal(json_get_uint(props, "model", 0), model->model);
    assert_int_equal(json_get_uint(props, "stepping", 0), model->stepping);
}

static size_t check_model(qmp *session, const char *name)
{
    const catalog *map = support_get_catalog();
    const struct catalog_model *model = catalog_find_model(map, name);
    g_autoptr(json_t) answer = expand(session, name);
    g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(cpulift_error) err = NULL;
    feature_set features;
    assert_int_equal(import_expansion(answer, name, map, &features, unknown, &err), 0);
    feature_set known =
        feature_set_unite(feature_set_unite(model->features, model->qemu_adds), model->removed);
    feature_set more = feature_set_subtract(features, known);
    size_t wrong = 0;
    feature_set_foreach (id, &more) {
        const struct catalog_feature *feature = catalog_get_feature(map, id);
        if (strcmp(feature->name, "hypervisor") != 0) {
            print_message("# %s: the table lacks %s\n", name, feature->name);
            wrong++;
        }
    }
    check_signature(model, json_object_get(import_find_model(answer), "props"));
    return wrong;
}

static void test_models(void **state)
{
    size_t wrong = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (catalog_find_model(support_get_catalog(), table[i]) != NULL) {
            wrong += check_model(*state, table[i]);
        } else {
            print_message("# %s: not in this map\n", table[i]);
        }
    }
    assert_int_equal(wrong, 0);
}

static bool is_table_version(qmp *session)
{
    g_autoptr(json_t) version = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (qmp_execute(session, "query-version", NULL, &version, &err) != 0) {
        return false;
    }
    const json_t *qemu = json_object_get(version, "qemu");
    return json_get_uint(qemu, "major", 0) == TABLE_MAJOR &&
           json_get_uint(qemu, "minor", 0) == TABLE_MINOR;
}

int main(void)
{
    g_autofree char *emulator = g_find_program_in_path("qemu-system-x86_64");
    g_autoptr(qmp) session = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (emulator == NULL || qmp_start(emulator, "pc", "tcg", TIMEOUT_MS, &session, &err) != 0 ||
        !is_table_version(session)) {
        puts("1..0 # SKIP no QEMU of the table's version is installed");
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_models, session)};
    return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}
