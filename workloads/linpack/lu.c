// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lu.h"

static const double one = 1, minus_one = -1;
static const int step = 1;

/// Rows of `columns` columns as the pivots (counted from 0) say.
static void swap_rows(const struct blas_calls *blas, double *a, int lead, int columns,
                      const int *pivots, int count)
{
    for (int i = 0; i < count; i++) {
        if (pivots[i] != i) {
            blas->swap(&columns, a + i, &lead, a + pivots[i], &lead);
        }
    }
}

static int factor_column(const struct blas_calls *blas, double *a, int rows, int *pivot)
{
    *pivot = blas->amax(&rows, a, &step) - 1;
    double largest = a[*pivot];
    if (largest == 0) {
        return 1;
    }
    a[*pivot] = a[0];
    a[0] = largest;
    double inverse = 1 / largest;
    int below = rows - 1;
    blas->scal(&below, &inverse, a + 1, &step);
    return 0;
}

/// Recursive, left half and right half, so that nearly all of it is matrix products (Toledo,
/// SIAM J. Matrix Anal. Appl. 18, 1997). Returns 0, or the number of the column that is singular.
static int factor(const struct blas_calls *blas, double *a, int lead, int rows, int columns,
                  int *pivots) // NOLINT(misc-no-recursion): as deep as a logarithm
{
    if (columns == 1) {
        return factor_column(blas, a, rows, pivots);
    }
    int left = columns / 2, right = columns - left, below = rows - left;
    double *upper = a + (size_t)left * (size_t)lead, *rest = upper + left;
    int info = factor(blas, a, lead, rows, left, pivots);
    if (info != 0) {
        return info;
    }
    swap_rows(blas, upper, lead, right, pivots, left);
    blas->trsm("L", "L", "N", "U", &left, &right, &one, a, &lead, upper, &lead, 1, 1, 1, 1);
    blas->gemm("N", "N", &below, &right, &left, &minus_one, a + left, &lead, upper, &lead, &one,
               rest, &lead, 1, 1);
    info = factor(blas, rest, lead, below, right, pivots + left);
    if (info != 0) {
        return left + info;
    }
    swap_rows(blas, a + left, lead, left, pivots + left, right);
    for (int i = left; i < columns; i++) {
        pivots[i] += left;
    }
    return 0;
}

int lu_solve(const struct blas_calls *blas, int n, double *matrix, int *pivots, double *b)
{
    int info = factor(blas, matrix, n, n, n, pivots);
    if (info != 0) {
        return info;
    }
    swap_rows(blas, b, n, 1, pivots, n);
    blas->trsm("L", "L", "N", "U", &n, &step, &one, matrix, &n, b, &n, 1, 1, 1, 1);
    blas->trsm("L", "U", "N", "N", &n, &step, &one, matrix, &n, b, &n, 1, 1, 1, 1);
    return 0;
}
