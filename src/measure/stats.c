// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/stats.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median_of_sorted(const double *sorted, size_t count)
{
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/// splitmix64 (Steele, Lea, Flood, OOPSLA 2014): small, and the same everywhere.
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void resample(const double *values, size_t count, uint64_t *state, double *ret_drawn)
{
    for (size_t i = 0; i < count; i++) {
        ret_drawn[i] = values[next_random(state) % count];
    }
}

static void compute_interval(const double *values, size_t count, struct stats *stats)
{
    g_autofree double *medians = g_new(double, STATS_RESAMPLES);
    g_autofree double *drawn = g_new(double, count);
    uint64_t state = STATS_SEED;
    for (size_t i = 0; i < STATS_RESAMPLES; i++) {
        resample(values, count, &state, drawn);
        qsort(drawn, count, sizeof *drawn, compare);
        medians[i] = median_of_sorted(drawn, count);
    }
    qsort(medians, STATS_RESAMPLES, sizeof *medians, compare);
    stats->low = medians[STATS_RESAMPLES * 25 / 1000];
    stats->high = medians[STATS_RESAMPLES * 975 / 1000 - 1];
}

struct stats stats_compute(const double *values, size_t count)
{
    struct stats stats = {.count = count};
    if (count == 0) {
        return stats;
    }
    g_autofree double *sorted = g_memdup2(values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare);
    stats.median = median_of_sorted(sorted, count);
    stats.min = stats.low = sorted[0];
    stats.max = stats.high = sorted[count - 1];
    stats.has_interval = count >= 3;
    if (stats.has_interval) {
        compute_interval(values, count, &stats);
    }
    return stats;
}

double stats_compute_spread(const struct stats *stats)
{
    return stats->median > 0 ? (stats->max - stats->min) / stats->median : 0;
}
