// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_DOMAIN_H
#define DDG_DOMAIN_H

#include "mesh.h"

#include <petscksp.h>
#include <petscsf.h>
#undef I

/* One rank's share of the device: its nodes, then copies of the neighbours' that its tetrahedra
 * touch (ghosts, in global order). All arrays per node have n_local entries, owned nodes first. */
struct domain {
    MPI_Comm comm;
    PetscMPIInt rank, size;
    PetscInt n_own, n_local, n_global, first; /* `first`: global number of the first owned node */
    PetscInt n_tets;
    PetscInt *global;         /* number in PETSc's order */
    PetscInt *natural;        /* number in the mesh */
    double *xyz;              /* nm */
    PetscInt *tet;            /* 4 local nodes each; every tetrahedron that touches an owned node */
    unsigned char *region;    /* per tetrahedron */
    unsigned char *owned_tet; /* tetrahedra that this rank counts and writes: a partition of all */
    signed char *contact;
    unsigned char *silicon; /* does a silicon tetrahedron touch the node? */
    double factor;
    PetscSF ghosts;
};

/* Splits the mesh over the ranks of `comm`, nodes weighted by unknowns. Collective. */
PetscErrorCode domain_new(MPI_Comm comm, const struct mesh *m, struct domain *ret);
PetscErrorCode domain_free(struct domain *d);
/* Brings the ghosts of a nodal array up to date. Collective. */
PetscErrorCode domain_update(const struct domain *d, double *nodal);
/* Sum, least or greatest over the ranks. Collective. */
double domain_sum(const struct domain *d, double x);
double domain_max(const struct domain *d, double x);
/* Owned values of every rank in mesh order on rank 0 (`ret` has n_global entries there).
 * Collective. */
PetscErrorCode domain_gather(const struct domain *d, const double *nodal, double *ret);
/* The reverse of domain_gather(): `all`, in mesh order, on every rank. Not collective. */
void domain_spread(const struct domain *d, const double *all, double *nodal);

#endif
