// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/drift.h"

#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static const struct pool_host usual = {
    .name = "north", .model = "Westmere", .more = "avx xsave", .qemu = "7.2.0", .libvirt = "9.0.0"};

static cpulift_host *make_host(const struct pool_host *host)
{
    g_autofree char *text = pool_format_host(host);
    cpulift_host *made = NULL;
    assert_int_equal(host_parse(text, strlen(text), host->name, support_get_catalog(), &made, NULL),
                     0);
    host_guest *guest = made->guests->pdata[0];
    guest->canonical_machine = g_strdup("pc-i440fx-7.2");
    return made;
}

static cpulift_plan *make_plan(void)
{
    static const struct planner_options options = {.pool = "p", .virt = "kvm", .machine = "pc"};
    cpulift_plan *plan = pool_plan(&usual, 1, &options, NULL);
    assert_non_null(plan);
    return plan;
}

static void check(const struct pool_host *host, enum fleet_can can, const char *because)
{
    g_autoptr(cpulift_plan) plan = make_plan();
    g_autoptr(cpulift_host) now = make_host(host);
    g_autoptr(fleet_cell) cell = NULL;
    assert_int_equal(fleet_drift_find(plan, now, support_get_catalog(), &cell, NULL), 0);
    g_autofree char *why = fleet_cell_format_because(cell);
    assert_int_equal(cell->can, can);
    if (strstr(why, because) == NULL || (*because == '\0' && *why != '\0')) {
        fail_msg("'%s' is not in '%s'", because, why);
    }
}

static void a_host_gives_what_it_gave(void **state)
{
    (void)state;
    struct pool_host richer = usual, poorer = usual, other = usual;
    richer.more = "avx xsave avx2";
    poorer.less = "aes";
    other.virt = "qemu";
    check(&usual, FLEET_YES, "");
    check(&richer, FLEET_YES, "");
    check(&poorer, FLEET_NO, "feature: aes");
    check(&other, FLEET_NO, "machine: kvm on pc");
}

/// A plan is read before it is understood: nothing in one ends the agent.
static void a_plan_that_makes_no_guest_is_refused(void **state)
{
    (void)state;
    static const char *const models[] = {"No&such", "<model>", "Nehalem'/>", ""};
    g_autoptr(cpulift_host) host = make_host(&usual);
    for (size_t i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autoptr(cpulift_plan) plan = make_plan();
        g_autoptr(fleet_cell) cell = NULL;
        g_free(plan->cpu->model);
        plan->cpu->model = g_strdup(models[i]);
        int rc = fleet_drift_find(plan, host, support_get_catalog(), &cell, NULL);
        assert_true(rc != 0 || cell->can != FLEET_YES);
    }
}

static char *describe(const struct pool_host *before, const struct pool_host *now)
{
    g_autoptr(cpulift_plan) plan = make_plan();
    g_autoptr(cpulift_host) a = make_host(before), b = make_host(now);
    return fleet_drift_describe(a, b, plan, support_get_catalog());
}

static void a_change_is_told_in_a_line(void **state)
{
    (void)state;
    struct pool_host updated = usual, gone = usual;
    updated.qemu = "10.0.2";
    updated.less = "aes";
    updated.more = "avx xsave avx2";
    gone.virt = "qemu";
    g_autofree char *nothing = describe(&usual, &usual);
    g_autofree char *update = describe(&usual, &updated);
    g_autofree char *less = describe(&usual, &gone), *more = describe(&gone, &usual);
    assert_null(nothing);
    assert_string_equal(update, "features -aes +avx2; QEMU 7.2.0 is 10.0.2");
    assert_string_equal(less, "guests of kvm on pc: none any more");
    assert_string_equal(more, "guests of kvm on pc: new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_gives_what_it_gave),
        cmocka_unit_test(a_plan_that_makes_no_guest_is_refused),
        cmocka_unit_test(a_change_is_told_in_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
