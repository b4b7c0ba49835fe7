// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define ITEMS_MAX 6
#define BINS_MAX  4
#define KINDS     3

struct case_of {
    struct pack_item items[ITEMS_MAX];
    struct pack_bin bins[BINS_MAX];
    bool can[ITEMS_MAX][KINDS];
    size_t count, bin_count;
};

/// Every way to place the items from `at` on.
static bool try_all(const struct case_of *one, struct pack_bin *bins, size_t at)
{
    if (at == one->count) {
        return true;
    }
    const struct pack_item *item = &one->items[at];
    for (size_t b = 0; b < one->bin_count; b++) {
        struct pack_bin before = bins[b];
        if (one->can[at][before.kind] && item->memory <= before.memory &&
            item->cpus <= before.cpus) {
            bins[b].memory -= item->memory;
            bins[b].cpus -= item->cpus;
            bool is_found = try_all(one, bins, at + 1);
            bins[b] = before;
            if (is_found) {
                return true;
            }
        }
    }
    return false;
}

static void make(GRand *random, struct case_of *one)
{
    *one = (struct case_of){.count = (size_t)g_rand_int_range(random, 0, ITEMS_MAX + 1),
                            .bin_count = (size_t)g_rand_int_range(random, 0, BINS_MAX + 1)};
    for (size_t i = 0; i < one->count; i++) {
        one->items[i] = (struct pack_item){(guint64)g_rand_int_range(random, 1, 6),
                                           (guint64)g_rand_int_range(random, 1, 5), one->can[i]};
        for (size_t k = 0; k < KINDS; k++) {
            one->can[i][k] = g_rand_int_range(random, 0, 4) != 0;
        }
    }
    for (size_t b = 0; b < one->bin_count; b++) {
        one->bins[b] = (struct pack_bin){(guint64)g_rand_int_range(random, 0, 9),
                                         (guint64)g_rand_int_range(random, 0, 9),
                                         (size_t)g_rand_int_range(random, 0, KINDS)};
    }
}

/// Where each item is, none is too many and none where it cannot be, and what is left is right.
static void check_places(const struct case_of *one, const struct pack_bin *left,
                         const size_t *places)
{
    struct pack_bin bins[BINS_MAX];
    memcpy(bins, one->bins, sizeof bins);
    for (size_t i = 0; i < one->count; i++) {
        struct pack_bin *bin = &bins[places[i]];
        assert_true(places[i] < one->bin_count && one->can[i][bin->kind]);
        assert_true(bin->memory >= one->items[i].memory && bin->cpus >= one->items[i].cpus);
        bin->memory -= one->items[i].memory;
        bin->cpus -= one->items[i].cpus;
    }
    for (size_t b = 0; b < one->bin_count; b++) {
        assert_int_equal(bins[b].memory, left[b].memory);
        assert_int_equal(bins[b].cpus, left[b].cpus);
    }
}

/// Against every way that there is: exact where it comes to its end, and never a false word before.
static void test_all_ways(void **state)
{
    (void)state;
    GRand *random = g_rand_new_with_seed(7);
    size_t answers[3] = {0}, given_up = 0;
    for (size_t n = 0; n < 20000; n++) {
        struct case_of one;
        make(random, &one);
        for (size_t budget = 0; budget <= 1000000; budget += 1000000) {
            struct pack_bin bins[BINS_MAX], all[BINS_MAX];
            size_t places[ITEMS_MAX] = {0};
            memcpy(bins, one.bins, sizeof bins);
            memcpy(all, one.bins, sizeof all);
            bool is_possible = try_all(&one, all, 0);
            enum pack_answer answer =
                pack_find(one.items, one.count, bins, one.bin_count, budget, places);
            assert_true(answer != PACK_FOUND || is_possible);
            assert_true(answer != PACK_IMPOSSIBLE || !is_possible);
            if (budget > 0) {
                assert_true(answer != PACK_GIVEN_UP);
                answers[answer]++;
            }
            given_up += answer == PACK_GIVEN_UP;
            if (answer == PACK_FOUND) {
                check_places(&one, bins, places);
            }
        }
    }
    g_rand_free(random);
    // Each answer is seen, and often.
    assert_true(answers[PACK_FOUND] > 1000 && answers[PACK_IMPOSSIBLE] > 1000 && given_up > 10);
}

/// A fleet's size, with a tenth of room to spare, and with one CPU too few.
static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 400, BINS = 100 };
    static struct pack_item items[COUNT];
    static struct pack_bin bins[BINS];
    static size_t places[COUNT];
    bool can[] = {true};
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = (struct pack_item){4 + i % 3, 1, can};
    }
    for (size_t b = 0; b < BINS; b++) {
        bins[b] = (struct pack_bin){22, 8, 0};
    }
    assert_int_equal(pack_find(items, COUNT, bins, BINS, 1000, places), PACK_FOUND);
    for (size_t b = 0; b < BINS; b++) {
        bins[b] = (struct pack_bin){22, 3 + (b > 0), 0};
    }
    assert_int_equal(pack_find(items, COUNT, bins, BINS, 1000, places), PACK_IMPOSSIBLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_ways),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
