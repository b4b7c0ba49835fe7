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

static void compute_interval(const double *sorted, struct stats *stats)
{
    double below = 0, next = get_probability(stats->count, 0); // below: P(B < k)
    size_t k = 0;
    while (below + next <= (1 - STATS_LEVEL) / 2) {
        below += next;
        next = get_probability(stats->count, ++k);
    }
    stats->has_interval = k > 0;
    if (stats->has_interval) {
        stats->low = sorted[k - 1];
        stats->high = sorted[stats->count - k];
        stats->level = 1 - 2 * below;
    }
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
