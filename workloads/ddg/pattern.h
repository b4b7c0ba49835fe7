// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_PATTERN_H
#define DDG_PATTERN_H

#include "graph.h"

/* Where the matrices on the edge graph have entries, on one rank: the rows of its own nodes, then
 * copies of other ranks' nodes, so many layers of them as subdomains overlap. One array of values
 * in this order serves for all: the first rows alone are the rank's share of the matrix, all of
 * them its subdomain of additive Schwarz. */
struct pattern {
    const struct domain *d;
    PetscInt n_rows, n_own_entries; /* the latter of the d->n_own first rows */
    PetscInt *row, *col;            /* row i has the entries row[i] ... row[i+1]-1, ascending */
    PetscInt *diag;                 /* the entry on the diagonal, by row */
    PetscInt *pos;                  /* by entry of the graph */
    PetscInt *global; /* numbers of the nodes: those of the domain, then further out */
    PetscSF copies;   /* brings the copied rows' entries from their owners; NULL on one rank. Copies
                         that it does not reach have a diagonal only. */
};

/* `overlap`: layers of nodes whose rows are copied. Collective. */
PetscErrorCode pattern_new(const struct domain *d, const struct graph *g, int overlap,
                           struct pattern *ret);
PetscErrorCode pattern_free(struct pattern *pt);
/* The matrix of all ranks, as PETSc's other solvers want it, with the values of the own rows'
 * blocks of size bs (by columns). Collective. */
PetscErrorCode pattern_assemble(const struct pattern *pt, int bs, const double *values, Mat *ret);

#endif
