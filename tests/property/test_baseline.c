// SPDX-License-Identifier: LGPL-2.1-or-later
/// libvirt as the judge: for pools of recorded machines of one vendor, what the plan holds and what
/// it leaves out by policy is together exactly libvirt's own baseline of the same hosts, and no
/// host's QEMU lacks any of the plan.
#include "base/json.h"
#include "pool.h"
#include "support.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define SUBSETS 500

struct world {
    virConnectPtr conn;
    GPtrArray *machines;
    GHashTable *descriptions; ///< machine → <cpu> for libvirt
    size_t checked;
};

/// A machine as libvirt's baseline call wants it: the poorest model, and each feature by name.
static char *describe(const struct pool_machine *machine)
{
    GString *xml = g_string_new("<cpu><arch>x86_64</arch><model>486</model>");
    g_string_append_printf(xml, "<vendor>%s</vendor>", machine->vendor);
    const struct catalog_model *base = catalog_find_model(support_get_catalog(), "486");
    assert_true(feature_set_is_subset(&base->features, &machine->features));
    feature_set rest = feature_set_subtract(machine->features, base->features);
    feature_set_foreach (id, &rest) {
        g_string_append_printf(xml, "<feature name='%s'/>",
                               catalog_get_feature(support_get_catalog(), id)->name);
    }
    g_string_append(xml, "</cpu>");
    return g_string_free(xml, FALSE);
}

/// libvirt's baseline of these machines; the caller frees it.
static cpulift_cpu *ask_libvirt(const struct world *world, const GPtrArray *pool, unsigned flags)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    for (size_t i = 0; i < pool->len; i++) {
        g_ptr_array_add(texts, g_hash_table_lookup(world->descriptions, pool->pdata[i]));
    }
    char *xml = virConnectBaselineCPU(world->conn, (const char **)texts->pdata, texts->len, flags);
    assert_non_null(xml);
    cpulift_cpu *cpu = support_parse_cpu(xml);
    free(xml);
    return cpu;
}

static feature_set ask_features(const struct world *world, const GPtrArray *pool)
{
    g_autoptr(cpulift_cpu) cpu = ask_libvirt(world, pool, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES);
    feature_set set;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(cpu_expand(cpu, support_get_catalog(), &set, &err), 0);
    return set;
}

/// libvirt counts this machine's CPU to the model.
static bool is_counted(const struct catalog_model *model, const struct pool_machine *machine)
{
    for (size_t i = 0; i < model->signature_count; i++) {
        const struct catalog_signature *of = &model->signatures[i];
        if (of->family == machine->family && of->model == machine->model &&
            (of->steppings >> machine->stepping & 1) != 0) {
            return true;
        }
    }
    return false;
}

static bool is_unwanted(const char *model)
{
    static const char *const names[] = {
#define OBSOLETE(name) name,
#include "core/tables/obsolete.def"
#undef OBSOLETE
        NULL};
    return g_strv_contains(names, model);
}

/// Where libvirt counts the machine's CPU to no model, or to one that shows another CPU, an older
/// one of its family must do.
static bool is_generation(const struct catalog_model *model, const struct pool_machine *machine)
{
    const catalog *map = support_get_catalog();
    bool is_named = false;
    for (size_t m = 0; m < catalog_model_count(map); m++) {
        const struct catalog_model *other = catalog_get_model(map, m);
        is_named |= strncmp(other->name, "Icelake-", 8) != 0 && is_counted(other, machine);
    }
    return is_named ? is_counted(model, machine) : model->family == machine->family;
}

/// The model is of a machine's generation, and not obsolete where libvirt's own choice is not.
static void check_model(const struct world *world, const GPtrArray *pool, const cpulift_plan *plan)
{
    const struct catalog_model *taken = catalog_find_model(support_get_catalog(), plan->cpu->model);
    bool is_a_machines = false;
    for (size_t i = 0; i < pool->len; i++) {
        is_a_machines |= is_generation(taken, pool->pdata[i]);
    }
    g_autoptr(cpulift_cpu) theirs = ask_libvirt(world, pool, 0);
    if (!is_a_machines || (is_unwanted(plan->cpu->model) && !is_unwanted(theirs->model))) {
        for (size_t i = 0; i < pool->len; i++) {
            print_message("# pool: %s\n", ((const struct pool_machine *)pool->pdata[i])->name);
        }
        fail_msg("%s is the model of none of them; libvirt's is %s", plan->cpu->model,
                 theirs->model);
    }
}

static cpulift_plan *plan_machines(const GPtrArray *pool)
{
    static const struct planner_options options;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    g_autoptr(cpulift_error) err = NULL;
    for (size_t i = 0; i < pool->len; i++) {
        const struct pool_machine *machine = pool->pdata[i];
        if (inventory_add_text(inv, machine->document, strlen(machine->document), machine->name,
                               &err) != 0) {
            fail_msg("%s", err->message);
        }
    }
    inventory_sort(inv);
    cpulift_plan *plan = NULL;
    if (planner_compute(inv, &options, &plan, &err) != 0) {
        fail_msg("%s", err->message);
    }
    return plan;
}

/// What the plan leaves out although every host has it, each with a reason.
static feature_set get_omitted(const cpulift_plan *plan)
{
    GString *names = g_string_new(NULL);
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(plan->document, "omitted"), i, item) {
        assert_non_null(json_get_string(item, "reason"));
        assert_string_not_equal(json_get_string(item, "reason"), "unknown");
        g_string_append_printf(names, "%s ", json_get_string(item, "feature"));
    }
    feature_set set = pool_get_features(names->str);
    g_string_free(names, TRUE);
    return set;
}

static void print_set(const char *what, feature_set set)
{
    feature_set_foreach (id, &set) {
        print_message("# %s %s\n", what, catalog_get_feature(support_get_catalog(), id)->name);
    }
}

static void check_pool(struct world *world, const GPtrArray *pool)
{
    g_autoptr(cpulift_plan) plan = plan_machines(pool);
    feature_set planned = pool_get_planned(plan);
    feature_set ours = feature_set_unite(planned, get_omitted(plan));
    feature_set theirs = ask_features(world, pool);
    check_model(world, pool, plan);
    bool is_equal = feature_set_equal(&ours, &theirs);
    for (size_t i = 0; i < pool->len; i++) {
        const struct pool_machine *machine = pool->pdata[i];
        if (!is_equal) {
            print_message("# pool: %s\n", machine->name);
        }
        feature_set refused = feature_set_subtract(planned, machine->expansion);
        print_set(machine->name, refused);
        assert_true(feature_set_is_empty(&refused));
    }
    if (!is_equal) {
        print_set("only in the plan:", feature_set_subtract(ours, theirs));
        print_set("only in libvirt's baseline:", feature_set_subtract(theirs, ours));
    }
    assert_true(is_equal);
    world->checked++;
}

static GPtrArray *select_vendor(const struct world *world, const char *vendor)
{
    GPtrArray *selected = g_ptr_array_new();
    for (size_t i = 0; i < world->machines->len; i++) {
        struct pool_machine *machine = world->machines->pdata[i];
        if (g_strcmp0(machine->vendor, vendor) == 0) {
            g_ptr_array_add(selected, machine);
        }
    }
    return selected;
}

static const char *const vendors[] = {"AMD", "Intel"};

static void test_pairs(void **state)
{
    for (size_t v = 0; v < G_N_ELEMENTS(vendors); v++) {
        g_autoptr(GPtrArray) machines = select_vendor(*state, vendors[v]);
        assert_true(machines->len > 1);
        for (size_t a = 0; a < machines->len; a++) {
            for (size_t b = a; b < machines->len; b++) {
                g_autoptr(GPtrArray) pool = g_ptr_array_new();
                g_ptr_array_add(pool, machines->pdata[a]);
                if (a != b) {
                    g_ptr_array_add(pool, machines->pdata[b]);
                }
                check_pool(*state, pool);
            }
        }
    }
}

static void test_subsets(void **state)
{
    GRand *random = support_new_dice();
    const size_t subsets = support_get_rounds(SUBSETS);
    for (size_t i = 0; i < subsets; i++) {
        g_autoptr(GPtrArray) machines = select_vendor(*state, vendors[i % G_N_ELEMENTS(vendors)]);
        g_autoptr(GPtrArray) pool = g_ptr_array_new();
        size_t size = (size_t)g_rand_int_range(random, 1, (gint32)machines->len + 1);
        for (size_t n = 0; n < size; n++) {
            guint at = (guint)g_rand_int_range(random, 0, (gint32)machines->len);
            g_ptr_array_add(pool, g_ptr_array_remove_index(machines, at));
        }
        check_pool(*state, pool);
    }
    g_rand_free(random);
}

/// The paper's compute nodes lost these to the paper's own definition.
static void test_paper(void **state)
{
    struct world *world = *state;
    const struct planner_options options = {0};
    g_autoptr(cpulift_plan) paper = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(
        planner_compute_variant("paper", &options, support_get_catalog(), &paper, &err), 0);
    feature_set gained = pool_get_features("aes avx xsaveopt");
    feature_set had = feature_set_intersect(pool_get_planned(paper), gained);
    assert_true(feature_set_is_empty(&had));
    for (size_t i = 0; i < world->machines->len; i++) {
        struct pool_machine *machine = world->machines->pdata[i];
        if (strcmp(machine->name, "Core-i7-2600") == 0) {
            g_autoptr(GPtrArray) pool = g_ptr_array_new();
            g_ptr_array_add(pool, machine);
            g_autoptr(cpulift_plan) plan = plan_machines(pool);
            feature_set planned = pool_get_planned(plan);
            assert_true(feature_set_is_subset(&gained, &planned));
            return;
        }
    }
    fail_msg("the paper's machine is not among the recordings");
}

static void ignore_error(void *data, virErrorPtr error)
{
    (void)data, (void)error;
}

int main(void)
{
    struct world world = {.machines = pool_load_machines()};
    if (world.machines == NULL) {
        puts("1..0 # SKIP the recorded machines are absent");
        return 0;
    }
    virSetErrorFunc(NULL, ignore_error);
    world.conn = virConnectOpen("test:///default");
    g_assert(world.conn != NULL);
    world.descriptions = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    for (size_t i = 0; i < world.machines->len; i++) {
        g_hash_table_insert(world.descriptions, world.machines->pdata[i],
                            describe(world.machines->pdata[i]));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_pairs, &world),
        cmocka_unit_test_prestate(test_subsets, &world),
        cmocka_unit_test_prestate(test_paper, &world),
    };
    int failed = cmocka_run_group_tests_name("baseline", tests, NULL, NULL);
    print_message("# %zu pools\n", world.checked);
    g_hash_table_unref(world.descriptions);
    virConnectClose(world.conn);
    g_ptr_array_unref(world.machines);
    return failed;
}
