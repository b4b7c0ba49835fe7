// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_VTU_H
#define DDG_VTU_H

#include "problem.h"

/* Field files PREFIX_vdN_vgN.pvtu and one .vtu per rank. Collective. */
PetscErrorCode vtu_write(struct problem *pb, double vd, double vg);

#endif
