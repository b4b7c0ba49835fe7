// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_LINEAR_H
#define DDG_LINEAR_H

#include "coarse.h"

/* A matrix of block size 1, 2 or 3 on the edge graph with its solver. Its values are written
 * straight into `values`: the block (by columns) pt->pos[k] for entry k of the graph's rows,
 * pt->diag[i] for the diagonal; linear_changed() ends that. */
struct linear {
    const struct pattern *pt;
    const struct graph *g;
    int bs;
    Mat sub;        /* the subdomain's */
    double *values; /* of it */
    Mat mat;        /* of all ranks; it can only multiply */
    Mat whole;      /* with entries, where one is needed */
    MPI_Datatype block;
    KSP ksp;
    PC base;              /* factors of `sub`: the first level of the preconditioner */
    int overlaps;         /* the subdomains do */
    int is_foreign;       /* the preconditioner is another one, of PETSc's options */
    struct coarse coarse; /* the second level; n = 0: none */
    double *factored;     /* diagonals of the matrix that was factored */
    double drift;         /* largest relative change of a diagonal since; infinite at first */
    double allowed;       /* of it, until there are new factors */
    Vec x, b;
    PetscInt max_it;
    PetscInt iterations, factors, rescues; /* rescues: solves that MUMPS had to do */
    double seconds;
};

/* Collective. `prefix` begins the solver's PETSc options; `symmetric` chooses CG, and additive
 * Schwarz without overlap, which adding up what overlapping subdomains say would cost more
 * iterations than it saves. */
PetscErrorCode linear_new(const struct pattern *pt, const struct graph *g, int bs,
                          const char *prefix, int symmetric, const struct params *p,
                          struct linear *ret);
/* Gives a symmetric system a second level of about n boxes (see coarse.h); l->coarse.null is then
 * to be set with the matrix. Collective. */
PetscErrorCode linear_add_coarse(struct linear *l, const unsigned char *fixed, int n);
PetscErrorCode linear_free(struct linear *l);
/* After new values. */
PetscErrorCode linear_changed(struct linear *l);
/* Makes new factors unless the matrix has hardly changed on any rank; linear_solve() does so
 * itself. Collective. */
PetscErrorCode linear_setup(struct linear *l, int *ret_new);
/* Solves for the right side `b`, by factors of an earlier matrix where it has hardly changed, into
 * `x` (owned blocks). ret_ok: 0 when even MUMPS fails. Collective. */
PetscErrorCode linear_solve(struct linear *l, double rtol, const double *b, double *x, int *ret_ok);

#endif
