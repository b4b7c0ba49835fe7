// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_COUPLING_H
#define DDG_COUPLING_H

#include "mesh.h"

#include <petscsys.h>
#undef I

/* The six edges of a tetrahedron. */
extern const unsigned char graph_pair[6][2];

/* Geometry of one tetrahedron. */
struct tet_shape {
    double grad[4][3]; /* gradients of the barycentric functions, 1/nm */
    double volume;     /* nm^3 */
    double coupling[6];
    double part[4];    /* volume that belongs to each node */
    double dir2[6][3]; /* squared direction cosines of the edges; of boxes alone */
};
void coupling_shape(const double *xyz, const PetscInt *t, int scheme, struct tet_shape *ret);
/* Coupling of edge k for the tensor diag(b). */
double coupling_tensor(const struct tet_shape *s, int scheme, int k, const double *b);
/* Areas of a triangle that belong to its nodes: Voronoi where no angle is obtuse (Meyer et al.
 * 2003). */
void coupling_triangle(const double *x, const double *y, const double *z, double *ret);

#endif
