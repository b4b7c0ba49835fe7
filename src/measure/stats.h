// SPDX-License-Identifier: LGPL-2.1-or-later
/// The statistics of a handful of timings: medians, and what they can be trusted for.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// What an interval covers at least and at most, and so the fewest values that have one: the range
/// of 5 covers 93.75 %, that of 6 96.875 %.
#define STATS_LEVEL     0.95
#define STATS_LEVEL_MAX 0.97
#define STATS_COUNT_MIN 6

struct stats {
    size_t count;
    double median, min, max;
    double low, high;  ///< confidence interval of the median; the range where there is none
    double level;      ///< what the interval covers, STATS_LEVEL or more; 0: there is none
    bool has_interval; ///< there are enough values
};

/// Median (for an even number of values the mean of the middle two), extremes, and the interval
/// between two order statistics (David, Nagaraja: Order Statistics, 2003, section 7.1): the k-th
/// smallest and the k-th largest value, k as large as may be. The median of the population lies
/// between them with the probability 1 - 2 P(B < k), B binomial of `count` and 1/2, whatever the
/// distribution is, so long as the values are independent; where values are alike, with no less.
/// Where that is over STATS_LEVEL_MAX (7, 8, 10, 11 values and others) the ends go so far towards
/// the next values that it is STATS_LEVEL (Hettmansperger, Sheather: Confidence intervals based on
/// interpolated order statistics, 1986); that depends on the distribution, but little: 93.5 to
/// 96.3 % where it has two humps of nearly one weight, 94 to 95.5 % where it has one.
struct stats stats_compute(const double *values, size_t count);

/// (max - min) / median: how far the runs of one cell lie apart.
double stats_compute_spread(const struct stats *stats);

/// True where a ratio's interval lies further from 1 than it is wide, both as quotients: whatever
/// made the runs lie apart, it is not that which makes them differ.
bool stats_is_clear(const struct stats *ratio);

/// True where a ratio's interval excludes 1.
bool stats_excludes_one(const struct stats *ratio);
