// SPDX-License-Identifier: LGPL-2.1-or-later
/// LU with partial pivoting over a BLAS: the same sums as LAPACK's dgetrf and dgetrs, and HPL's.
#pragma once

#include "blas.h"

/// Factors and solves as blas_solve.
int lu_solve(const struct blas_calls *blas, int n, double *matrix, int *pivots, double *b);
