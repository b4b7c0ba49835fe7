// SPDX-License-Identifier: LGPL-2.1-or-later
/// The statistics of a handful of timings: medians, and what they can be trusted for.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Resamples for a confidence interval, and the seed that makes the same samples give the same
/// interval.
enum {
    STATS_RESAMPLES = 4000,
    STATS_SEED = 2014,
};

struct stats {
    size_t count;
    double median, min, max;
    double low, high;  ///< 95 % confidence interval of the median
    bool has_interval; ///< there are at least 3 values: low and high mean something
};

/// Median (for an even number of values the mean of the middle two), extremes and the percentile
/// bootstrap's interval (Efron, Tibshirani: An Introduction to the Bootstrap, 1993, chapter 13):
/// the 2.5th and 97.5th percentile of the medians of STATS_RESAMPLES samples drawn from `values`
/// with replacement.
struct stats stats_compute(const double *values, size_t count);

/// (max - min) / median: how far the runs of one cell lie apart.
double stats_compute_spread(const struct stats *stats);
