// SPDX-License-Identifier: LGPL-2.1-or-later
/// A CPU-bound program for benchmarks/run-overhead: multiplies n×n matrices by OpenBLAS, and checks
/// one element. Arguments: n, repetitions.
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1500, repeat = argc > 2 ? atoi(argv[2]) : 10;
    size_t count = (size_t)n * (size_t)n;
    double *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b);
    double *c = calloc(count, sizeof *c), expected = 0;
    if (n < 1 || a == NULL || b == NULL || c == NULL) {
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        a[i] = (double)(i % 7) - 3;
        b[i] = (double)(i % 11) - 5;
    }
    for (int i = 0; i < repeat; i++) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1.0, a, n, b, n, 0.0, c, n);
    }
    for (int k = 0; k < n; k++) {
        expected += a[k] * b[(size_t)k * (size_t)n];
    }
    int status = fabs(c[0] - expected) < 1e-6 * n ? 0 : 1;
    free(a);
    free(b);
    free(c);
    return status;
}
