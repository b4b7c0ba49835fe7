// SPDX-License-Identifier: LGPL-2.1-or-later
/// stats: on known data, and by a simulation that its intervals cover what they say.
#include "measure/stats.h"
#include "support.h"

#include <glib.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void medians(void **state)
{
    (void)state;
    const double odd[] = {9, 1, 5}, even[] = {4, 1, 3, 2}, one[] = {7};
    NEAR(stats_compute(odd, 3).median, 5);
    NEAR(stats_compute(even, 4).median, 2.5);
    NEAR(stats_compute(one, 1).median, 7);
    struct stats s = stats_compute(one, 1);
    assert_false(s.has_interval);
    assert_int_equal(stats_compute(one, 0).count, 0);
    NEAR(stats_compute_spread(&s), 0);
}

/// Where the level would be 98.4 and 99.2 %, the ends go inwards: by (n - k) I / (k + (n - 2 k) I),
/// I = (98.4 - 95) / (98.4 - 87.5) of 7 values, (99.2 - 95) / (99.2 - 93.0) of 8.
static void interpolated(void)
{
    const double values[] = {8, 7, 6, 5, 4, 3, 2, 1};
    struct stats seven = stats_compute(values + 1, 7), eight = stats_compute(values, 8);
    NEAR(seven.level, 0.95);
    NEAR(seven.low, 1 + 11 / 15.0);
    NEAR(seven.high, 7 - 11 / 15.0);
    NEAR(eight.level, 0.95);
    NEAR(eight.low, 1 + 189 / 202.0);
    NEAR(eight.high, 8 - 189 / 202.0);
}

/// The levels are those of binomial tables: of n values the k-th from either end.
static void intervals(void **state)
{
    (void)state;
    static const struct {
        size_t count, k;
        double level;
    } known[] = {
        {6, 1, 1 - 2 / 64.0},
        {9, 2, 1 - 2 * 10 / 512.0},
        {12, 3, 1 - 2 * 79 / 4096.0},
        {15, 4, 1 - 2 * 576 / 32768.0},
        {20, 6, 1 - 2 * 21700 / 1048576.0},
    };
    double values[10000];
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        values[i] = (double)(i * 7919 % G_N_ELEMENTS(values));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        double ascending[20];
        for (size_t v = 0; v < known[i].count; v++) {
            ascending[known[i].count - 1 - v] = (double)v + 1;
        }
        struct stats s = stats_compute(ascending, known[i].count);
        assert_true(s.has_interval);
        NEAR(s.low, (double)known[i].k);
        NEAR(s.high, (double)(known[i].count + 1 - known[i].k));
        NEAR(s.level, known[i].level);
    }
    interpolated();
    for (size_t n = 1; n < STATS_COUNT_MIN; n++) {
        struct stats s = stats_compute(values, n);
        assert_false(s.has_interval);
        NEAR(s.low, s.min);
        NEAR(s.high, s.max);
    }
    // Where 2^-n is 0: 1.96 standard deviations of the binomial, 50, to either side.
    struct stats s = stats_compute(values, G_N_ELEMENTS(values));
    assert_true(s.level >= STATS_LEVEL && s.level < 0.953);
    assert_true(fabs(s.low - 4901) < 3 && fabs(s.high - 5098) < 3);
}

static void ones(void **state)
{
    (void)state;
    const double above[] = {1.1, 1.2, 1.3, 1.4, 1.5, 1.6},
                 around[] = {0.9, 1.2, 1.3, 1.4, 1.5, 1.6};
    const double below[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
    struct stats s = stats_compute(above, 6);
    assert_true(stats_excludes_one(&s));
    s = stats_compute(above, 5);
    assert_false(stats_excludes_one(&s));
    s = stats_compute(around, 6);
    assert_false(stats_excludes_one(&s));
    s = stats_compute(below, 6);
    assert_true(stats_excludes_one(&s));
}

/// A ratio and its reciprocal are as clear; an interval that is wide beside its distance from 1 is
/// not, nor is one without a level.
static void clear_ones(void **state)
{
    (void)state;
    static const struct {
        double low, high;
        bool is_clear;
    } cases[] = {{0.38, 0.47, true},  {0.17, 0.61, false}, {0.65, 0.67, true}, {0.9, 1.1, false},
                 {0.9, 0.99, false},  {2.17, 3.8, true},   {1.1, 1.6, false},  {1.01, 1.019, true},
                 {0.25, 0.51, false}, {0.25, 0.49, true}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stats s = {.has_interval = true, .low = cases[i].low, .high = cases[i].high};
        assert_int_equal(stats_is_clear(&s), cases[i].is_clear);
        s.low = 1 / cases[i].high;
        s.high = 1 / cases[i].low;
        assert_int_equal(stats_is_clear(&s), cases[i].is_clear);
        s.has_interval = false;
        assert_false(stats_is_clear(&s));
    }
}

static double draw_normal(GRand *dice)
{
    double u = 1 - g_rand_double(dice); // Box and Muller; never log(0)
    return sqrt(-2 * log(u)) * cos(2 * G_PI * g_rand_double(dice));
}

static double draw_lognormal(GRand *dice)
{
    return exp(0.05 * draw_normal(dice));
}

static double draw_skewed(GRand *dice)
{
    return exp(draw_normal(dice));
}

static double draw_uniform(GRand *dice)
{
    return g_rand_double(dice);
}

static double draw_exponential(GRand *dice)
{
    return -log(1 - g_rand_double(dice));
}

/// One run in five is disturbed, to either side.
static double draw_disturbed(GRand *dice)
{
    return draw_normal(dice) * (g_rand_int_range(dice, 0, 5) == 0 ? 20 : 1);
}

/// Nearly every other run is disturbed, and takes twice as long.
static double draw_two_humps(GRand *dice)
{
    return (g_rand_int_range(dice, 0, 100) < 45 ? 2 : 1) + 0.02 * draw_normal(dice);
}

/// Two samples that one run made side by side: what drifts is in both.
static double draw_ratio(GRand *dice)
{
    double drift = 1 + g_rand_double(dice);
    return 3 * (drift * draw_lognormal(dice)) / (drift * draw_lognormal(dice));
}

/// How many of `trials` intervals of n values hold the true median. False where one has another
/// level than the others.
static bool count_hits(double (*draw)(GRand *), double median, size_t n, size_t trials, GRand *dice,
                       double *ret_level, size_t *ret_hits)
{
    double values[64];
    *ret_hits = 0;
    for (size_t t = 0; t < trials; t++) {
        for (size_t i = 0; i < n; i++) {
            values[i] = draw(dice);
        }
        struct stats s = stats_compute(values, n);
        if (t > 0 && s.level != *ret_level) {
            return false;
        }
        *ret_level = s.level;
        *ret_hits += s.low <= median && median <= s.high;
    }
    return true;
}

/// An interval holds the median as often as its level says, which is 95 to 97 %, from 6 values on;
/// never less often than 93 %, nor more often than 97 %. The bounds are 5 standard errors of the
/// count wide.
static void coverage(void **state)
{
    (void)state;
    static const struct {
        double (*draw)(GRand *dice);
        double median;
    } laws[] = {
        {draw_normal, 0},          {draw_lognormal, 1},
        {draw_skewed, 1},          {draw_uniform, 0.5},
        {draw_exponential, G_LN2}, {draw_disturbed, 0},
        {draw_ratio, 3},           {draw_two_humps, 1 + 0.02 * 1.3351777}, // P(Z < 1.335) = 50/55
    };
    static const size_t counts[] = {6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                                    17, 18, 19, 20, 21, 24, 27, 31, 32, 64};
    g_autoptr(GRand) dice = support_new_dice();
    const size_t trials = support_get_rounds(8000);
    for (size_t l = 0; l < G_N_ELEMENTS(laws); l++) {
        for (size_t c = 0; c < G_N_ELEMENTS(counts); c++) {
            double level = 0;
            size_t hits = 0;
            assert_true(
                count_hits(laws[l].draw, laws[l].median, counts[c], trials, dice, &level, &hits));
            assert_true(level >= STATS_LEVEL && level <= STATS_LEVEL_MAX);
            double error = 5 * sqrt(0.05 * 0.95 / (double)trials);
            double covered = (double)hits / (double)trials;
            assert_true(covered >= 0.93 - error && covered <= 0.97 + error);
            assert_true(fabs(covered - level) <= 0.015 + error);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians),    cmocka_unit_test(intervals), cmocka_unit_test(ones),
        cmocka_unit_test(clear_ones), cmocka_unit_test(coverage),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
