// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_ORDER_H
#define DDG_ORDER_H

#include "mesh.h"

#include <petscsys.h>
#undef I

/* The nodes of the mesh in reverse Cuthill-McKee order of its couplings (n_nodes entries).
 * Incomplete factors with fill in this order need half of the iterations of those in mesh order;
 * and each rank's share must have the order of the whole, since the same algorithm on a share may
 * begin at another corner and be as bad as none. Every rank computes the same. */
PetscErrorCode order_new(const struct mesh *m, PetscInt *ret);

#endif
