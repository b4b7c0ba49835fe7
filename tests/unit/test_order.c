// SPDX-License-Identifier: LGPL-2.1-or-later
/// Against every order of up to five hosts.
#include "fleet/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define HOSTS_MAX  5
#define GROUPS_MAX 4
#define KINDS_MAX  3
#define NONE       G_MAXUINT64

struct case_of {
    struct order_group groups[GROUPS_MAX];
    struct order_guests guests[KINDS_MAX];
    bool can[KINDS_MAX][ORDER_STATUSES][ORDER_SIDES][GROUPS_MAX];
    size_t hosts[HOSTS_MAX]; ///< the group of each
    size_t host_count;
    struct order_problem problem;
};

static bool flip(GRand *random, int of)
{
    return g_rand_int_range(random, 0, of) == 0;
}

static void make(GRand *random, struct case_of *one)
{
    memset(one, 0, sizeof *one);
    one->host_count = (size_t)g_rand_int_range(random, 2, HOSTS_MAX + 1);
    size_t groups = (size_t)g_rand_int_range(random, 1, GROUPS_MAX + 1);
    size_t kinds = (size_t)g_rand_int_range(random, 1, KINDS_MAX + 1);
    for (size_t h = 0; h < one->host_count; h++) {
        one->hosts[h] = h < groups ? h : (size_t)g_rand_int_range(random, 0, (int)groups);
        one->groups[one->hosts[h]].count++;
    }
    groups = MIN(groups, one->host_count);
    for (size_t g = 0; g < groups; g++) {
        struct order_group *group = &one->groups[g];
        bool joins = flip(random, 5), leaves = !joins && flip(random, 5);
        group->is_there[ORDER_OLD] = !joins;
        group->is_there[ORDER_NEW] = !leaves;
        group->stays = !joins && !leaves && flip(random, 4);
        group->gives[ORDER_OLD] = flip(random, 2);
        group->gives[ORDER_NEW] = group->stays ? group->gives[ORDER_OLD] : !flip(random, 4);
    }
    bool has_plan = flip(random, 2);
    for (size_t k = 0; k < kinds; k++) {
        one->guests[k].weight = 1 + k * 3;
        for (size_t s = 0; s < ORDER_STATUSES; s++) {
            one->guests[k].exists[s] =
                s == ORDER_AS_IS || (!flip(random, 3) && (s < ORDER_BY_NEW_PLAN || has_plan));
            for (size_t side = 0; side < ORDER_SIDES; side++) {
                for (size_t g = 0; g < groups; g++) {
                    one->can[k][s][side][g] = side == ORDER_NEW && one->groups[g].stays
                                                  ? one->can[k][s][ORDER_OLD][g]
                                                  : !flip(random, 3);
                }
                one->guests[k].can[s][side] = one->can[k][s][side];
            }
        }
    }
    one->problem = (struct order_problem){one->groups, one->guests, groups, kinds, has_plan};
}

/// How things are, host by host.
struct moment {
    bool has_changed[HOSTS_MAX], has_plan;
    bool may[KINDS_MAX][ORDER_STATUSES];
};

static bool takes(const struct case_of *one, const struct moment *moment, size_t host, size_t kind,
                  size_t status)
{
    size_t side = moment->has_changed[host] ? ORDER_NEW : ORDER_OLD;
    return one->groups[one->hosts[host]].is_there[side] && one->guests[kind].exists[status] &&
           one->can[kind][status][side][one->hosts[host]];
}

/// From each host that it can be on there must be another to go to.
static bool can_move(const struct case_of *one, const struct moment *moment, size_t kind,
                     size_t status)
{
    for (size_t a = 0; a < one->host_count; a++) {
        for (size_t b = a + 1; b < one->host_count; b++) {
            if (takes(one, moment, a, kind, status) && takes(one, moment, b, kind, status)) {
                return true;
            }
        }
    }
    return false;
}

/// What the guests may be now, of what they were; false: some strand.
static bool live_on(const struct case_of *one, struct moment *moment)
{
    for (size_t k = 0; k < one->problem.guest_count; k++) {
        bool is_any = false;
        for (size_t s = 0; s < ORDER_STATUSES; s++) {
            moment->may[k][s] = moment->may[k][s] && can_move(one, moment, k, s);
            is_any = is_any || moment->may[k][s];
        }
        for (size_t s = ORDER_BY_OLD_PLAN; s < ORDER_STATUSES; s++) {
            bool is_of_plan = (s >= ORDER_BY_NEW_PLAN) == moment->has_plan;
            moment->may[k][s] = moment->may[k][s] || (is_of_plan && can_move(one, moment, k, s));
        }
        if (!is_any) {
            return false;
        }
    }
    return true;
}

static bool may_plan(const struct case_of *one, const struct moment *moment)
{
    for (size_t h = 0; h < one->host_count; h++) {
        const struct order_group *group = &one->groups[one->hosts[h]];
        bool is_weak = group->is_there[ORDER_OLD] && !moment->has_changed[h] &&
                       !group->gives[ORDER_OLD] && !group->stays;
        if (is_weak && (!group->is_there[ORDER_NEW] || group->gives[ORDER_NEW])) {
            return false;
        }
    }
    return true;
}

/// The fewest guests that must be power-cycled over all orders from here; NONE: each strands some.
static guint64 try_all(const struct case_of *one, const struct moment *from)
{
    struct moment moment = *from;
    if (!live_on(one, &moment)) {
        return NONE;
    }
    guint64 best = NONE;
    bool is_end = moment.has_plan || !one->problem.has_plan;
    for (size_t h = 0; h < one->host_count; h++) {
        if (!one->groups[one->hosts[h]].stays && !moment.has_changed[h]) {
            struct moment next = moment;
            next.has_changed[h] = true;
            is_end = false;
            guint64 cost = try_all(one, &next);
            best = MIN(best, cost);
        }
    }
    if (one->problem.has_plan && !moment.has_plan && may_plan(one, &moment)) {
        struct moment next = moment;
        next.has_plan = true;
        guint64 cost = try_all(one, &next);
        best = MIN(best, cost);
    }
    guint64 cost = 0;
    for (size_t k = 0; k < one->problem.guest_count; k++) {
        cost += moment.may[k][ORDER_AS_IS] ? 0 : one->guests[k].weight;
    }
    return is_end ? cost : best;
}

/// Goes the order that was found; returns its cost. Any guest may move at any moment, none has a
/// CPU that nobody gave it.
static guint64 walk(const struct case_of *one, const GArray *steps)
{
    struct moment moment = {0};
    enum order_status statuses[KINDS_MAX] = {ORDER_AS_IS};
    bool was_cycled[KINDS_MAX] = {false};
    guint64 cost = 0;
    for (size_t i = 0; i < steps->len; i++) {
        const struct order_step *step = &g_array_index(steps, struct order_step, i);
        if (i > 0 && step->group == ORDER_PLAN) {
            assert_true(!moment.has_plan && may_plan(one, &moment));
            moment.has_plan = true;
        }
        size_t left = i > 0 && step->group != ORDER_PLAN ? step->hosts : 0;
        // At least one change, or the plan, and never a host that is not of the group.
        assert_true(i == 0 || step->group == ORDER_PLAN || left > 0);
        do {
            for (size_t h = 0; left > 0 && h < one->host_count; h++) {
                if (one->hosts[h] == step->group && !moment.has_changed[h]) {
                    moment.has_changed[h] = true;
                    break;
                }
            }
            for (size_t k = 0; k < one->problem.guest_count; k++) {
                assert_true(can_move(one, &moment, k, statuses[k]));
            }
        } while (left > 0 && --left > 0);
        for (size_t k = 0; k < one->problem.guest_count; k++) {
            enum order_status status = step->statuses[k];
            if (status != statuses[k]) {
                assert_true(status != ORDER_AS_IS);
                assert_true((status >= ORDER_BY_NEW_PLAN) == moment.has_plan);
                assert_true(can_move(one, &moment, k, status));
                cost += was_cycled[k] ? 0 : one->guests[k].weight;
                was_cycled[k] = true;
                statuses[k] = status;
            }
        }
    }
    for (size_t h = 0; h < one->host_count; h++) {
        assert_true(moment.has_changed[h] != one->groups[one->hosts[h]].stays);
    }
    assert_true(moment.has_plan == one->problem.has_plan);
    return cost;
}

static void test_every_order(void **state)
{
    (void)state;
    GRand *random = g_rand_new_with_seed(11);
    size_t found = 0, free_of_cost = 0, none = 0;
    for (size_t n = 0; n < 6000; n++) {
        struct case_of one;
        make(random, &one);
        struct moment first = {0};
        for (size_t k = 0; k < KINDS_MAX; k++) {
            first.may[k][ORDER_AS_IS] = true;
        }
        guint64 best = try_all(&one, &first);
        g_autoptr(GArray) steps = NULL;
        enum order_answer answer = order_find(&one.problem, 1000000, &steps);
        if (answer != (best == NONE ? ORDER_NONE : ORDER_FOUND)) {
            fail_msg("case %zu: %s", n, order_words[answer]);
        }
        if (steps != NULL) {
            assert_int_equal(walk(&one, steps), best);
            found++;
            free_of_cost += best == 0;
        } else {
            none++;
        }
        // With less time it may say less, and nothing else.
        g_autoptr(GArray) few = NULL;
        enum order_answer early = order_find(&one.problem, 3, &few);
        assert_true(early == answer || early == ORDER_UNKNOWN);
        assert_true(few == NULL || walk(&one, few) >= best);
    }
    g_rand_free(random);
    assert_true(found > 500 && none > 500 && free_of_cost > 200 && found - free_of_cost > 200);
}

/// A hundred hosts whose guests cannot cross from one side to the other: all but the last of the
/// old ones, then a power cycle, while two are left on either side.
static void test_a_hundred(void **state)
{
    (void)state;
    bool no[] = {false}, yes[] = {true};
    struct order_group group = {.count = 100, .is_there = {true, true}};
    struct order_guests guests = {
        .weight = 7,
        .exists = {[ORDER_AS_IS] = true, [ORDER_BY_OLD_PLAN_NEWER] = true},
        .can = {[ORDER_AS_IS] = {yes, no}, [ORDER_BY_OLD_PLAN_NEWER] = {no, yes}}};
    struct order_problem problem = {&group, &guests, 1, 1, false};
    g_autoptr(GArray) steps = NULL;
    assert_int_equal(order_find(&problem, 1000, &steps), ORDER_FOUND);
    static const size_t hosts[] = {0, 1, 97, 1, 1};
    assert_int_equal(steps->len, G_N_ELEMENTS(hosts));
    for (size_t i = 0; i < steps->len; i++) {
        const struct order_step *step = &g_array_index(steps, struct order_step, i);
        assert_int_equal(step->hosts, hosts[i]);
        assert_int_equal(step->statuses[0], i < 2 ? ORDER_AS_IS : ORDER_BY_OLD_PLAN_NEWER);
    }
    // Three are too few.
    group.count = 3;
    g_autoptr(GArray) few = NULL;
    assert_int_equal(order_find(&problem, 1000, &few), ORDER_NONE);
    assert_null(few);
}

/// Many groups, more states than can be looked at before the first that costs something: some order
/// is found all the same.
static void test_in_haste(void **state)
{
    (void)state;
    enum { COUNT = 30 };
    static bool can[COUNT][COUNT], none[COUNT], all[COUNT];
    static struct order_group groups[COUNT];
    static struct order_guests guests[COUNT];
    for (size_t g = 0; g < COUNT; g++) {
        all[g] = true;
        groups[g] = (struct order_group){.count = 2, .is_there = {true, true}};
    }
    // Each kind can go to all old hosts but those of one group, and after a power cycle to all new.
    for (size_t k = 0; k < COUNT; k++) {
        for (size_t g = 0; g < COUNT; g++) {
            can[k][g] = g != k;
        }
        guests[k] = (struct order_guests){
            .weight = 1,
            .exists = {[ORDER_AS_IS] = true, [ORDER_BY_OLD_PLAN] = true},
            .can = {[ORDER_AS_IS] = {can[k], none}, [ORDER_BY_OLD_PLAN] = {none, all}}};
    }
    struct order_problem problem = {groups, guests, COUNT, COUNT, false};
    g_autoptr(GArray) steps = NULL;
    assert_int_equal(order_find(&problem, 5000, &steps), ORDER_FOUND);
    assert_int_equal(steps->len, 2 * COUNT + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order),
        cmocka_unit_test(test_a_hundred),
        cmocka_unit_test(test_in_haste),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
