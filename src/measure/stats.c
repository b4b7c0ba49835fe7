// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/stats.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median_of_sorted(const double *sorted, size_t count)
{
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/// P(B = hits), B binomial of `count` and 1/2. By logarithms: 2^-count is 0 from 1075 on.
static double get_probability(size_t count, size_t hits)
{
    double n = (double)count, k = (double)hits;
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * G_LN2);
}

/// The k-th value from either end is left `part` of the way for the next one.
static void set_interval(const double *sorted, size_t k, double part, struct stats *stats)
{
    const double *low = &sorted[k - 1], *high = &sorted[stats->count - k];
    stats->low = part > 0 ? (1 - part) * low[0] + part * low[1] : low[0];
    stats->high = part > 0 ? (1 - part) * high[0] + part * high[-1] : high[0];
}

static void compute_interval(const double *sorted, struct stats *stats)
{
    double below = 0, next = get_probability(stats->count, 0); // below: P(B < k)
    size_t k = 0;
    while (below + next <= (1 - STATS_LEVEL) / 2) {
        below += next;
        next = get_probability(stats->count, ++k);
    }
    stats->has_interval = k > 0;
    if (k == 0) {
        return;
    }
    double n = (double)stats->count, from = (double)k, level = 1 - 2 * below, part = 0;
    if (level > STATS_LEVEL_MAX) {
        double share = (level - STATS_LEVEL) / (2 * next);
        part = (n - from) * share / (from + (n - 2 * from) * share);
        level = STATS_LEVEL;
    }
    stats->level = level;
    set_interval(sorted, k, part, stats);
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
    compute_interval(sorted, &stats);
    return stats;
}

double stats_compute_spread(const struct stats *stats)
{
    return stats->median > 0 ? (stats->max - stats->min) / stats->median : 0;
}

bool stats_is_clear(const struct stats *ratio)
{
    return ratio->has_interval &&
           (ratio->low > ratio->high / ratio->low || ratio->high < ratio->low / ratio->high);
}

bool stats_excludes_one(const struct stats *ratio)
{
    return ratio->has_interval && (ratio->low > 1 || ratio->high < 1);
}
