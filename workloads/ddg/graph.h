// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_GRAPH_H
#define DDG_GRAPH_H

#include "coupling.h"
#include "domain.h"
#include "model.h"

/* The flat edge graph that all equations are assembled on. Couplings are in nm: a flux between the
 * ends is coupling x difference. Edges without any coupling (the diagonals of Kuhn bricks) are left
 * out. */
struct graph {
    PetscInt n_edges;
    PetscInt *a, *b;    /* local nodes; at least one is owned */
    double *silicon;    /* coupling of the silicon part, unit mobility; until settled */
    double *eps, *dg;   /* row_eps and row_dg by edge, while the rows are made */
    double *volume;     /* silicon volume of each owned node, nm^3 */
    double *interface;  /* Si/SiO2 area of each owned node, nm^2 */
    PetscInt *row;      /* owned node i has the entries row[i] ... row[i+1]-1 */
    PetscInt *col;      /* neighbour, owned ones first, ascending */
    PetscInt *edge;     /* edge of the entry */
    double *row_eps;    /* coupling of the entry weighted by the relative permittivity */
    double *row_dg;     /* coupling of its silicon part weighted by b, V nm^3 */
    PetscInt *tet_edge; /* 6 per tetrahedron, -1 where the edge was left out; until settled */
    int flow_scheme;    /* scheme of `silicon` */
    double negative;    /* silicon edges of the whole device with negative coupling */
    double silicon_edges;
};

/* Collective. `p` gives scheme and treatment of negative couplings. */
PetscErrorCode graph_new(const struct domain *d, const struct params *p, const struct model *md,
                         struct graph *ret);
/* Frees what only mobilities are made from, once these stand. */
PetscErrorCode graph_settle(struct graph *g);
PetscErrorCode graph_free(struct graph *g);

#endif
