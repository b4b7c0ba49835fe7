// SPDX-License-Identifier: LGPL-2.1-or-later
/// Laws of plans over random pools.
#include "base/json.h"
#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define ROUNDS    200
#define HOSTS_MAX 12

/// A random pool: documents, and what their guests get.
struct world {
    GRand *random;
    size_t count;
    char *documents[HOSTS_MAX];
    feature_set features[HOSTS_MAX];
};

static size_t pick(struct world *world, size_t below)
{
    return (size_t)g_rand_int_range(world->random, 0, (gint32)below);
}

/// Some features of the catalogue, between blanks.
static char *pick_features(struct world *world, size_t most)
{
    const catalog *map = support_get_catalog();
    GString *names = g_string_new(NULL);
    for (size_t n = pick(world, most + 1); n > 0; n--) {
        size_t id = pick(world, catalog_feature_count(map));
        g_string_append_printf(names, "%s ", catalog_get_feature(map, id)->name);
    }
    return g_string_free(names, FALSE);
}

static void read_features(struct world *world, size_t i)
{
    g_autoptr(cpulift_host) host = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(host_parse(world->documents[i], strlen(world->documents[i]), "host",
                                support_get_catalog(), &host, &err),
                     0);
    world->features[i] = host_find_guest(host, "kvm", "pc")->features;
}

static void add_host(struct world *world, size_t i)
{
    static const char *const models[] = {"Nehalem",        "Westmere",       "SandyBridge",
                                         "Haswell-noTSX",  "Broadwell-IBRS", "Skylake-Client-IBRS",
                                         "Skylake-Server", "Icelake-Server", "Cascadelake-Server"};
    static const char *const versions[] = {"6.0.0", "8.7.0", "9.0.0", NULL};
    g_autofree char *name = g_strdup_printf("host%zu", i);
    g_autofree char *more = pick_features(world, 30);
    g_autofree char *less = pick_features(world, 10);
    g_autofree char *stuck = pick_features(world, 3);
    struct pool_host host = {
        .name = name,
        .model = models[pick(world, G_N_ELEMENTS(models))],
        .more = more,
        .less = less,
        .stuck = stuck,
        .libvirt = versions[pick(world, G_N_ELEMENTS(versions))],
        .usable = "486 Nehalem kvm64 qemu64",
        .phys_bits = (unsigned)(36 + pick(world, 3) * 5),
    };
    world->documents[i] = pool_format_host(&host);
    read_features(world, i);
}

static void set_up(struct world *world)
{
    world->count = 1 + pick(world, HOSTS_MAX);
    for (size_t i = 0; i < world->count; i++) {
        add_host(world, i);
    }
}

static void tear_down(struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        g_free(world->documents[i]);
    }
}

static void shuffle(struct world *world)
{
    for (size_t i = world->count; i > 1; i--) {
        size_t other = pick(world, i);
        char *document = world->documents[i - 1];
        feature_set features = world->features[i - 1];
        world->documents[i - 1] = world->documents[other];
        world->features[i - 1] = world->features[other];
        world->documents[other] = document;
        world->features[other] = features;
    }
}

/// The plan of the first `count` hosts.
static cpulift_plan *compute(const struct world *world, size_t count)
{
    static const struct planner_options options;
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    g_autoptr(cpulift_error) err = NULL;
    cpulift_plan *plan = NULL;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(
            inventory_add_text(inv, world->documents[i], strlen(world->documents[i]), "host", &err),
            0);
    }
    inventory_sort(inv);
    if (planner_compute(inv, &options, &plan, &err) != 0) {
        fail_msg("%s", err->message);
    }
    return plan;
}

static void check_order(struct world *world)
{
    g_autoptr(cpulift_plan) first = compute(world, world->count);
    g_autofree char *before = json_format_document(first->document);
    shuffle(world);
    g_autoptr(cpulift_plan) second = compute(world, world->count);
    g_autofree char *after = json_format_document(second->document);
    assert_string_equal(before, after);
}

/// Every host gives all of the plan; what all give and is not in it stands there with a reason.
static void check_promises(struct world *world)
{
    g_autoptr(cpulift_plan) plan = compute(world, world->count);
    feature_set planned = pool_get_planned(plan);
    feature_set common = world->features[0];
    for (size_t i = 0; i < world->count; i++) {
        assert_true(feature_set_is_subset(&planned, &world->features[i]));
        common = feature_set_intersect(common, world->features[i]);
    }
    feature_set_foreach (id, &common) {
        const char *name = catalog_get_feature(support_get_catalog(), id)->name;
        assert_true(feature_set_has(&planned, id) != (pool_get_reason(plan, name) != NULL));
    }
    feature_set hanging = catalog_find_unsupported(support_get_catalog(), planned, NULL);
    assert_true(feature_set_is_empty(&hanging));
}

static void check_monotony(struct world *world)
{
    feature_set before = {0};
    for (size_t count = 1; count <= world->count; count++) {
        g_autoptr(cpulift_plan) plan = compute(world, count);
        feature_set planned = pool_get_planned(plan);
        assert_true(count == 1 || feature_set_is_subset(&planned, &before));
        before = planned;
    }
}

/// The definition says of every feature what the plan says, whatever libvirt or QEMU put into the
/// model.
static void check_definition(struct world *world)
{
    g_autoptr(cpulift_plan) plan = compute(world, world->count);
    feature_set planned = pool_get_planned(plan), expanded;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(cpu_expand(plan->cpu, support_get_catalog(), &expanded, &err), 0);
    assert_true(feature_set_equal(&expanded, &planned));
    feature_set_foreach (id, &planned) {
        const char *name = catalog_get_feature(support_get_catalog(), id)->name;
        assert_int_equal(pool_get_policy(plan, name), CPU_REQUIRE);
    }
    const struct catalog_model *model = catalog_find_model(support_get_catalog(), plan->cpu->model);
    feature_set all = feature_set_unite(model->features, model->qemu_adds);
    feature_set rest = feature_set_subtract(all, planned);
    feature_set_foreach (id, &rest) {
        const char *name = catalog_get_feature(support_get_catalog(), id)->name;
        assert_int_equal(pool_get_policy(plan, name), CPU_DISABLE);
    }
    g_autofree char *text = cpu_format(plan->cpu, 0);
    g_autoptr(cpulift_cpu) again = support_parse_cpu(text);
    g_autofree char *twice = cpu_format(again, 0);
    assert_string_equal(text, twice);
}

/// A pool of hosts that give exactly the plan gets the plan.
static void check_idempotence(struct world *world)
{
    g_autoptr(cpulift_plan) plan = compute(world, world->count);
    g_autofree char *names = g_strjoinv(" ", plan->features);
    const struct pool_host host = {.name = "h", .more = names, .vendor = "Intel"};
    struct planner_options options = {0};
    g_autoptr(cpulift_error) err = NULL;
    struct pool_host usable = host;
    usable.usable = "486 Nehalem kvm64 qemu64";
    g_autoptr(cpulift_plan) again = pool_plan(&usable, 1, &options, &err);
    assert_non_null(again);
    g_autofree char *twice = g_strjoinv(" ", again->features);
    assert_string_equal(names, twice);
}

static void check_format(struct world *world)
{
    g_autoptr(cpulift_plan) plan = compute(world, world->count);
    g_autofree char *text = json_format_document(plan->document);
    g_autoptr(cpulift_plan) again = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(plan_parse(text, strlen(text), "plan", &again, &err), 0);
    g_autofree char *twice = json_format_document(again->document);
    assert_string_equal(text, twice);
    g_autoptr(json_t) definition = record_format(&cpu_definition_record, again->cpu, NULL);
    assert_true(json_equal(definition, json_object_get(again->document, "definition")));
}

#define STRANGERS 4

/// Adds to each host some of a few names that no map has; *ret_common gets (as bits) those that all
/// have, *ret_any those that some have.
static void add_strangers(struct world *world, unsigned *ret_common, unsigned *ret_any)
{
    *ret_common = (1U << STRANGERS) - 1;
    *ret_any = 0;
    for (size_t i = 0; i < world->count; i++) {
        unsigned given = (unsigned)pick(world, 1U << STRANGERS);
        g_autoptr(json_t) json = json_loads(world->documents[i], 0, NULL);
        json_t *guest = json_array_get(json_object_get(json, "guests"), 0);
        for (unsigned n = 0; n < STRANGERS; n++) {
            if ((given >> n & 1) != 0) {
                json_array_append_new(json_object_get(guest, "features"),
                                      json_sprintf("stranger-%u", n));
            }
        }
        *ret_common &= given;
        *ret_any |= given;
        g_free(world->documents[i]);
        world->documents[i] = json_format_line(json);
    }
}

static bool is_lost(const cpulift_plan *plan, const char *name)
{
    size_t i;
    const json_t *loss;
    json_array_foreach (json_object_get(plan->document, "losses"), i, loss) {
        if (strcmp(json_get_string(loss, "feature"), name) == 0) {
            return true;
        }
    }
    return false;
}

/// A name that nobody here knows makes no host unreadable and no plan richer, and is told.
static void check_strangers(struct world *world)
{
    unsigned common, any;
    g_autoptr(cpulift_plan) before = compute(world, world->count);
    add_strangers(world, &common, &any);
    g_autoptr(cpulift_plan) after = compute(world, world->count);
    g_autofree char *planned = g_strjoinv(" ", before->features);
    g_autofree char *again = g_strjoinv(" ", after->features);
    assert_string_equal(planned, again);
    for (unsigned n = 0; n < STRANGERS; n++) {
        g_autofree char *name = g_strdup_printf("stranger-%u", n);
        bool has_all = (common >> n & 1) != 0, has_any = (any >> n & 1) != 0;
        assert_int_equal(pool_get_policy(after, name), -1);
        assert_true(has_all == (g_strcmp0(pool_get_reason(after, name), "unknown") == 0));
        assert_true((has_any && !has_all) == is_lost(after, name));
    }
}

static void check_law(void **state, void (*law)(struct world *world))
{
    struct world world = {.random = support_new_dice()};
    (void)state;
    const size_t rounds = support_get_rounds(ROUNDS);
    for (size_t i = 0; i < rounds; i++) {
        set_up(&world);
        law(&world);
        tear_down(&world);
    }
    g_rand_free(world.random);
}

#define LAW(name)                                                                                  \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        check_law(state, check_##name);                                                            \
    }
LAW(order)
LAW(promises)
LAW(monotony)
LAW(definition)
LAW(idempotence)
LAW(format)
LAW(strangers)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),       cmocka_unit_test(test_promises),
        cmocka_unit_test(test_monotony),    cmocka_unit_test(test_definition),
        cmocka_unit_test(test_idempotence), cmocka_unit_test(test_format),
        cmocka_unit_test(test_strangers),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
