// SPDX-License-Identifier: LGPL-2.1-or-later
/// Random plans in other clouds' words: what each of them would refuse is never printed.
/// CPULIFT_SEED repeats a run.
#include "core/planner_define.h"
#include "platform/render.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 300

static const catalog *map;

/// A plan on any model, with features that are required or disabled by chance.
static cpulift_plan *random_plan(GRand *dice)
{
    cpulift_plan *plan = g_new0(cpulift_plan, 1);
    size_t models = catalog_model_count(map), count = catalog_feature_count(map);
    guint32 every = g_rand_boolean(dice) ? 4 : 40;
    plan->pool = g_strdup("lab:blue");
    plan->variant = g_strdup("tuned");
    plan->virt = g_strdup(g_rand_boolean(dice) ? "kvm" : "qemu");
    plan->machine = g_strdup("q35");
    plan->cpu = cpu_new();
    plan->cpu->model =
        g_strdup(catalog_get_model(map, (size_t)g_rand_int_range(dice, 0, (gint32)models))->name);
    plan->phys_bits = g_rand_boolean(dice) ? 40 : 0;
    plan->cpu->phys_bits = g_rand_boolean(dice) ? plan->phys_bits : 0;
    for (size_t id = 0; id < count; id++) {
        if (g_rand_int(dice) % every == 0) {
            cpu_add_feature(plan->cpu, catalog_get_feature(map, id)->name,
                            g_rand_boolean(dice) ? CPU_REQUIRE : CPU_DISABLE);
        }
    }
    return plan;
}

/// NULL where the cloud refuses the plan.
static void render(const cpulift_plan *plan, const char *platform, GPtrArray *warnings,
                   char **ret_text)
{
    g_autoptr(cpulift_error) err = NULL;
    if (render_format(plan, map, platform, NULL, warnings, ret_text, &err) != 0) {
        assert_string_equal(platform, "kubevirt");
        assert_non_null(strstr(err->message, "obsolete"));
    }
}

static bool has_word(const GPtrArray *warnings, const char *word)
{
    for (size_t i = 0; i < warnings->len; i++) {
        if (strstr(g_ptr_array_index(warnings, i), word) != NULL) {
            return true;
        }
    }
    return false;
}

static void check_ovirt(const char *text, const GPtrArray *warnings)
{
    static const char open[] = "<custom_cpu_model>", close[] = "</custom_cpu_model>";
    const char *start = strstr(text, open), *end = strstr(text, close);
    if (start != NULL) {
        assert_true(end - start - (gssize)strlen(open) <= 255);
    }
    assert_true((start == NULL) == has_word(warnings, "255"));
    const char *entry = g_strrstr(text, "\n1:cpulift ") + 1;
    g_auto(GStrv) fields = g_strsplit(entry, ":", -1);
    assert_int_equal(g_strv_length(fields), 5);
    assert_string_equal(fields[1], "cpulift lab-blue");
    assert_string_equal(fields[4], "x86_64\n");
    // One guest gets what the cluster's guests get.
    if (start != NULL) {
        assert_memory_equal(start + strlen(open), fields[3], strlen(fields[3]));
    }
}

/// Nova makes a trait of each name: none that says nothing new.
static void check_nova(const cpulift_plan *plan, const char *text)
{
    const char *line = strstr(text, "cpu_model_extra_flags = ");
    const struct catalog_model *model = catalog_find_model(map, plan->cpu->model);
    feature_set adds, drops;
    planner_get_virt_changes(map, plan->virt, &adds, &drops);
    if (line == NULL) {
        return;
    }
    g_autofree char *value = g_strndup(line + strlen("cpu_model_extra_flags = "),
                                       strcspn(line, "\n") - strlen("cpu_model_extra_flags = "));
    g_auto(GStrv) flags = g_strsplit(value, ", ", -1);
    for (char **flag = flags; *flag != NULL; flag++) {
        bool is_off = **flag == '-';
        int id = catalog_find_feature(map, *flag + is_off);
        assert_true(id >= 0);
        bool is_in = feature_set_has(&model->features, (size_t)id);
        bool is_else = feature_set_has(&model->removed, (size_t)id) ||
                       feature_set_has(&model->qemu_adds, (size_t)id) ||
                       feature_set_has(&adds, (size_t)id);
        assert_true(is_off ? is_in || is_else : !is_in || feature_set_has(&drops, (size_t)id));
    }
}

static void test_clouds_take_it(void **state)
{
    (void)state;
    g_autoptr(GRand) dice = support_new_dice();
    const size_t rounds = support_get_rounds(ROUNDS);
    for (size_t i = 0; i < rounds; i++) {
        g_autoptr(cpulift_plan) plan = random_plan(dice);
        static const char *const clouds[] = {"kubevirt", "nova", "ovirt", "proxmox"};
        for (size_t c = 0; c < G_N_ELEMENTS(clouds); c++) {
            g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
            g_autofree char *text = NULL;
            render(plan, clouds[c], warnings, &text);
            if (text == NULL) {
                continue;
            }
            bool is_said = strstr(text, "phys-bits 40") != NULL;
            assert_true(plan_get_width(plan) == 0 || is_said || has_word(warnings, "width"));
            if (c == 1) {
                check_nova(plan, text);
            } else if (c == 2) {
                check_ovirt(text, warnings);
            }
        }
    }
}

static const char *const flags[] = {
#define FLAG(word) word,
#include "platform/ovirt_flags.def"
#undef FLAG
};

static void test_flags_are_sorted_and_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
        assert_true(i == 0 || strcmp(flags[i - 1], flags[i]) < 0);
        assert_true(catalog_find_feature(map, flags[i]) >= 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clouds_take_it),
        cmocka_unit_test(test_flags_are_sorted_and_known),
    };
    map = support_get_catalog();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
