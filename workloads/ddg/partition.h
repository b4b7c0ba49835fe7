// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_PARTITION_H
#define DDG_PARTITION_H

#include "mesh.h"

#include <petscsys.h>
#undef I

/* Cuts the mesh into `parts` of equal work: the part of every node (n_nodes entries). Each cut is
 * a plane across the axis along which the nodes are coupled least. Every rank that holds the mesh
 * computes the same. */
PetscErrorCode partition_new(const struct mesh *m, PetscInt parts, PetscInt *ret);

#endif
