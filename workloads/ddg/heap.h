// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_HEAP_H
#define DDG_HEAP_H

/* Large blocks go back to the system when they are freed. SuperLU_DIST, which PETSc may bring along
 * and we never call, forbids that for the whole process when it is loaded; what the mesh and the
 * matrices were made with would then stay with each rank. */
void heap_give_back(void);

#endif
