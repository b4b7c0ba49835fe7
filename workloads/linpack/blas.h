// SPDX-License-Identifier: LGPL-2.1-or-later
/// The library that does the work: OpenBLAS, with its own blocked and threaded LU, or another BLAS,
/// over which the LU of lu.h runs.
#pragma once

#include <stddef.h>

/// Fortran's BLAS, as far as an LU needs it. The trailing numbers are the lengths of the strings.
struct blas_calls {
    void (*gemm)(const char *, const char *, const int *, const int *, const int *, const double *,
                 const double *, const int *, const double *, const int *, const double *, double *,
                 const int *, size_t, size_t);
    void (*trsm)(const char *, const char *, const char *, const char *, const int *, const int *,
                 const double *, const double *, const int *, double *, const int *, size_t, size_t,
                 size_t, size_t);
    void (*swap)(const int *, double *, const int *, double *, const int *);
    void (*scal)(const int *, const double *, double *, const int *);
    int (*amax)(const int *, const double *, const int *);
};

struct blas {
    char name[128];         ///< "OpenBLAS 0.3.21"
    char core[64];          ///< the kernels that it chose; "": it does not say
    struct blas_calls call; ///< gemm NULL: OpenBLAS by its own LAPACK
};

/// Opens "openblas", "blis", or the library at a path, and sets its threads. Returns 0, or
/// an exit status after it has said on standard error what is missing and what to install.
int blas_open(const char *wanted, int threads, struct blas *ret_blas);

/// Factors the n × n matrix in place, by columns, and solves for `b` in place. Returns LAPACK's
/// info: 0 is success.
int blas_solve(const struct blas *blas, int n, double *matrix, int *pivots, double *b);
