// SPDX-License-Identifier: LGPL-2.1-or-later
/// No plan has what one of its hosts cannot give: over pools of documents that nobody would write
/// (unknown vendors, widths, duplicates, contradictions), held against the documents' own words and
/// none of our code.
#include "base/json.h"
#include "core/guest_feature.h"
#include "core/planner.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define ROUNDS    10000
#define HOSTS_MAX 5

static GRand *dice;

static size_t throw(size_t below)
{
    return (size_t)g_rand_int_range(dice, 0, (gint32)below);
}

/// One of a NULL-terminated list.
static const char *pick(const char *const *words)
{
    return words[throw(g_strv_length((char **)words))];
}

static bool is_one_in(size_t many)
{
    return throw(many) == 0;
}

static const char *const vendors[] = {"Intel", "AMD", "Hygon", "Zhaoxin", "GenuineIntel", "", NULL};
static const char *const models[] = {"486",        "kvm64",   "qemu64",         "Nehalem",
                                     "Westmere",   "Haswell", "Skylake-Server", "EPYC",
                                     "Opteron_G3", NULL};
/// The last three no map of libvirt 9 has.
static const char *const strangers[] = {"avx-vnni-int16", "its-no", "warp-drive", NULL};
static const char *const virts[] = {"kvm", "qemu", NULL};
static const char *const versions[] = {"6.0.0", "9.0.0", "11.3.0", "0", NULL};

/// Names of features: those of a model, some more, some twice.
static json_t *make_features(void)
{
    const catalog *map = support_get_catalog();
    json_t *names = json_array();
    const struct catalog_model *model = catalog_find_model(map, pick(models));
    feature_set features = model != NULL ? model->features : (feature_set){0};
    for (size_t n = throw(20); n > 0; n--) {
        feature_set_add(&features, throw(catalog_feature_count(map)));
    }
    feature_set_foreach (id, &features) {
        if (!is_one_in(20)) {
            json_array_append_new(names, json_string(catalog_get_feature(map, id)->name));
        }
    }
    return names;
}

static json_t *make_some(const char *const *words)
{
    json_t *names = json_array();
    for (; *words != NULL; words++) {
        if (is_one_in(2)) {
            json_array_append_new(names, json_string(*words));
        }
    }
    return names;
}

/// Of an address; now and then one that no CPU has.
static size_t make_width(void)
{
    return is_one_in(50) ? throw(70) : 36 + throw(17);
}

static json_t *make_guest(const char *virt, const char *machine)
{
    json_t *guest =
        json_pack("{s:s, s:s, s:o}", "virt", virt, "machine", machine, "features", make_features());
    if (is_one_in(2)) {
        json_object_set_new(guest, "unknown", make_some(strangers));
    }
    if (is_one_in(3)) {
        json_object_set_new(guest, "usable_models", make_some(models));
        json_object_set_new(guest, "blocked_models",
                            json_pack("{s:o}", pick(models), make_features()));
    }
    if (is_one_in(4)) {
        json_object_set_new(guest, "not_migratable", make_features());
    }
    if (is_one_in(3)) {
        json_object_set_new(guest, "phys_bits", json_integer((json_int_t)make_width()));
    }
    return guest;
}

static json_t *make_host(size_t i, const char *vendor)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", NULL};
    json_t *host =
        json_pack("{s:s, s:s, s:s, s:{}, s:[]}", "schema", "cpulift.host/1", "name",
                  is_one_in(100) ? pick(names) : names[i], "arch", "x86_64", "cpu", "guests");
    json_t *cpu = json_object_get(host, "cpu"), *guests = json_object_get(host, "guests");
    vendor = is_one_in(20) ? pick(vendors) : vendor;
    if (*vendor != '\0') {
        json_object_set_new(cpu, "vendor", json_string(vendor));
    }
    if (!is_one_in(4)) {
        json_object_set_new(cpu, "phys_bits", json_integer((json_int_t)make_width()));
    }
    if (is_one_in(3)) {
        json_object_set_new(host, "libvirt_models", make_some(models));
    }
    json_object_set_new(host, "versions",
                        json_pack("{s:s, s:s}", "libvirt", pick(versions), "qemu", pick(versions)));
    json_array_append_new(guests, make_guest("kvm", "pc"));
    for (size_t n = throw(2) + is_one_in(30); n > 0; n--) {
        json_array_append_new(guests, make_guest(pick(virts), "q35"));
    }
    return host;
}

/// The plan of these documents, or NULL where it is refused.
static cpulift_plan *compute(const json_t *hosts)
{
    const struct planner_options options = {.policy.is_mixed_vendor_allowed = is_one_in(4)};
    g_autoptr(inventory) inv = inventory_new(support_get_catalog());
    cpulift_plan *plan = NULL;
    size_t i;
    const json_t *host;
    json_array_foreach (hosts, i, host) {
        g_autofree char *text = json_format_line(host);
        if (inventory_add_text(inv, text, strlen(text), "host", NULL) != 0) {
            return NULL;
        }
    }
    inventory_sort(inv);
    (void)planner_compute(inv, &options, &plan, NULL);
    return plan;
}

static bool has(const json_t *names, const char *name)
{
    size_t i;
    const json_t *one;
    json_array_foreach (names, i, one) {
        if (strcmp(json_string_value(one), name) == 0) {
            return true;
        }
    }
    return false;
}

static const json_t *find_guest(const json_t *host, const cpulift_plan *plan)
{
    size_t i;
    const json_t *guest;
    json_array_foreach (json_object_get(host, "guests"), i, guest) {
        if (strcmp(json_get_string(guest, "virt"), plan->virt) == 0 &&
            strcmp(json_get_string(guest, "machine"), plan->machine) == 0) {
            return guest;
        }
    }
    return NULL;
}

/// Nothing is wider than the host says anywhere; 0 where it says nothing.
static void check_width(const json_t *host, const json_t *guest, json_int_t width)
{
    const json_t *own = json_object_get(guest, "phys_bits");
    const json_t *silicon = json_object_get(json_object_get(host, "cpu"), "phys_bits");
    assert_true(width == 0 || own != NULL || silicon != NULL);
    assert_true(own == NULL || width <= json_integer_value(own));
    assert_true(silicon == NULL || width <= json_integer_value(silicon));
}

/// What stops the model on a host is not required, and not left to QEMU.
static void check_blockers(const json_t *guest, const char *model, const json_t *definition)
{
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(json_object_get(guest, "blocked_models"), model), i, name) {
        const char *text = json_string_value(name);
        if (guest_find_feature(text) == NULL &&
            (has(json_object_get(definition, "require"), text) ||
             (!catalog_is_newer_name(text) &&
              !has(json_object_get(definition, "disable"), text)))) {
            fail_msg("model %s is stopped by %s", model, text);
        }
    }
}

/// Nothing is left to what a libvirt or QEMU takes the named model for.
static void check_stated(const char *model, const json_t *definition)
{
    const catalog *map = support_get_catalog();
    const struct catalog_model *named = catalog_find_model(map, model);
    assert_non_null(named);
    feature_set brought = feature_set_unite(named->features, named->qemu_adds);
    feature_set_foreach (id, &brought) {
        const char *name = catalog_get_feature(map, id)->name;
        if (!has(json_object_get(definition, "require"), name) &&
            !has(json_object_get(definition, "disable"), name)) {
            fail_msg("model %s brings %s unasked", model, name);
        }
    }
}

static void check_given(const json_t *host, const cpulift_plan *plan, const json_t *definition)
{
    const json_t *guest = find_guest(host, plan);
    assert_non_null(guest);
    const char *vendor = json_get_string(json_object_get(host, "cpu"), "vendor");
    const char *asked = json_get_string(definition, "vendor");
    assert_true(asked == NULL || g_strcmp0(asked, vendor) == 0);
    assert_true(asked == NULL ||
                (strcmp(asked, "Zhaoxin") != 0 && strcmp(asked, "GenuineIntel") != 0));
    const json_t *known = json_object_get(host, "libvirt_models");
    assert_true(known == NULL || has(known, plan->cpu->model));
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(definition, "require"), i, name) {
        const char *text = json_string_value(name);
        // QEMU never says topoext of itself: a model that is usable and has it does.
        if (!has(json_object_get(guest, "features"), text) &&
            !has(json_object_get(guest, "unknown"), text) && strcmp(text, "topoext") != 0) {
            fail_msg("host '%s' does not give %s", json_get_string(host, "name"), text);
        }
        assert_false(has(json_object_get(guest, "not_migratable"), text));
    }
    check_width(host, guest, json_integer_value(json_object_get(definition, "phys_bits")));
    check_blockers(guest, plan->cpu->model, definition);
}

static void check_pool(const json_t *hosts, const cpulift_plan *plan)
{
    const json_t *definition = json_object_get(plan->document, "definition");
    assert_true(json_object_size(definition) > 0);
    check_stated(plan->cpu->model, definition);
    bool is_mixed = json_is_true(
        json_object_get(json_object_get(plan->document, "policy"), "allow-mixed-vendor"));
    const char *first = NULL;
    size_t i, n;
    const json_t *host, *other;
    json_array_foreach (hosts, i, host) {
        check_given(host, plan, definition);
        const char *vendor = json_get_string(json_object_get(host, "cpu"), "vendor");
        assert_true(is_mixed || vendor == NULL || first == NULL || strcmp(vendor, first) == 0);
        first = vendor != NULL ? vendor : first;
        json_array_foreach (hosts, n, other) {
            assert_true(n == i ||
                        strcmp(json_get_string(host, "name"), json_get_string(other, "name")) != 0);
        }
    }
}

static void test_pools(void **state)
{
    (void)state;
    size_t planned = 0, rounds = support_get_rounds(ROUNDS);
    dice = support_new_dice();
    for (size_t round = 0; round < rounds; round++) {
        g_autoptr(json_t) hosts = json_array();
        const char *vendor = pick(vendors);
        for (size_t i = 0, count = 1 + throw(HOSTS_MAX); i < count; i++) {
            json_array_append_new(hosts, make_host(i, vendor));
        }
        g_autoptr(cpulift_plan) plan = compute(hosts);
        if (plan != NULL) {
            planned++;
            check_pool(hosts, plan);
        }
    }
    g_rand_free(dice);
    print_message("# %zu of %zu pools have a plan\n", planned, rounds);
    assert_true(planned > rounds / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pools)};
    return cmocka_run_group_tests_name("pools", tests, NULL, NULL);
}
