// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_LINEAR_H
#define DDG_LINEAR_H

#include "graph.h"

/* A matrix of block size 1, 2 or 3 on the edge graph with its solver. Values are written straight
 * into PETSc's arrays: block `pos[k]` for entry k of the graph's rows, block `diag[i]` for the
 * diagonal. */
struct linear {
    const struct domain *d;
    const struct graph *g;
    int bs;
    Mat mat, own, off; /* off: entries whose column is a ghost; NULL on one rank */
    KSP ksp, direct;   /* direct: MUMPS, made when the Krylov method fails */
    Vec x, b;
    PetscInt *pos, *diag;
    PetscInt max_it;
    PetscInt solves, iterations, rescues; /* rescues: solves that MUMPS had to do */
    double seconds;
};

/* Collective. `prefix` begins the solver's PETSc options; `symmetric` chooses CG. */
PetscErrorCode linear_new(const struct domain *d, const struct graph *g, int bs, const char *prefix,
                          int symmetric, const struct params *p, struct linear *ret);
PetscErrorCode linear_free(struct linear *l);
/* Arrays to fill (blocks by columns); ret_off may stay NULL. linear_end() hands them back. */
PetscErrorCode linear_begin(struct linear *l, double **ret_own, double **ret_off);
PetscErrorCode linear_end(struct linear *l, double **own, double **off);
/* Solves for the right side `b`, into `x` (owned blocks). ret_ok: 0 when even MUMPS fails.
 * Collective. */
PetscErrorCode linear_solve(struct linear *l, double rtol, const double *b, double *x, int *ret_ok);

#endif
