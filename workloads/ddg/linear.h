// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_LINEAR_H
#define DDG_LINEAR_H

#include "coarse.h"

/* A matrix of block size 1, 2 or 3 on the edge graph with its solver. Values are written straight
 * into PETSc's arrays: block `pos[k]` for entry k of the graph's rows, block `diag[i]` for the
 * diagonal. */
struct linear {
    const struct domain *d;
    const struct graph *g;
    int bs;
    Mat mat, own, off;    /* off: entries whose column is a ghost; NULL on one rank */
    KSP ksp, direct;      /* direct: MUMPS, made when the Krylov method fails */
    struct coarse coarse; /* second level of the preconditioner; n = 0: none */
    PC base;              /* its first level */
    double *factored;     /* diagonals of the matrix that it was made from */
    double drift;         /* largest relative change of a diagonal since; infinite at first */
    Vec x, b;
    PetscInt *pos, *diag;
    PetscInt max_it;
    PetscInt iterations, factors, rescues; /* rescues: solves that MUMPS had to do */
    double seconds;
};

/* Collective. `prefix` begins the solver's PETSc options; `symmetric` chooses CG. */
PetscErrorCode linear_new(const struct domain *d, const struct graph *g, int bs, const char *prefix,
                          int symmetric, const struct params *p, struct linear *ret);
/* Gives a symmetric system a second level of about n boxes (see coarse.h); l->coarse.null is then
 * to be set with the matrix. Collective. */
PetscErrorCode linear_add_coarse(struct linear *l, const unsigned char *fixed, int n);
PetscErrorCode linear_free(struct linear *l);
/* Arrays to fill (blocks by columns); ret_off may stay NULL. linear_end() hands them back. */
PetscErrorCode linear_begin(struct linear *l, double **ret_own, double **ret_off);
PetscErrorCode linear_end(struct linear *l, double **own, double **off);
/* Solves for the right side `b`, by factors of an earlier matrix where it has hardly changed, into
 * `x` (owned blocks). ret_ok: 0 when even MUMPS fails. Collective. */
PetscErrorCode linear_solve(struct linear *l, double rtol, const double *b, double *x, int *ret_ok);

#endif
