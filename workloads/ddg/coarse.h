// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_COARSE_H
#define DDG_COARSE_H

#include "pattern.h"

/* The second level of a preconditioner, for a scalar symmetric matrix on the edge graph: one
 * unknown for each box of nodes, W = the given (nearly) null vector restricted to the boxes. */
struct coarse {
    const struct pattern *pt; /* of the matrix */
    const struct domain *d;
    const struct graph *g;
    PetscInt n;          /* unknowns, the same on every rank */
    PetscInt *group;     /* box of each local node; -1: its row is not coupled */
    double *null;        /* the null vector at each local node */
    PetscInt *row, *ptr; /* A W: owned nodes whose row is not zero, their entries */
    PetscInt *col, n_rows;
    double *value;
    PetscInt band;                /* of W^T A W */
    int is_usable;                /* 0: W^T A W is not definite, the correction is none */
    double *matrix, *scale, *sum; /* Cholesky factor of the scaled W^T A W; work space */
};

/* `fixed` nodes have no unknown; about `n` boxes, of equal edges. Collective. */
PetscErrorCode coarse_new(const struct pattern *pt, const struct graph *g,
                          const unsigned char *fixed, int n, struct coarse *ret);
PetscErrorCode coarse_free(struct coarse *c);
/* Takes new values of the matrix, by its pattern, and c->null. Collective. */
PetscErrorCode coarse_setup(struct coarse *c, const double *values);
/* x += W (W^T A W)^-1 (W^T b - (A W)^T x) on owned nodes; with x = M^-1 b that is the
 * preconditioner A-DEF2 of Tang, Nabben, Vuik and Erlangga, J. Sci. Comput. 39 (2009). Collective.
 */
PetscErrorCode coarse_correct(struct coarse *c, const double *b, double *x);

#endif
