// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_OPTIONS_H
#define DDG_OPTIONS_H

#include "params.h"

#include <petscsys.h>
#undef I

/* Refuses those of PETSc's options in argv that nothing would use, and values that PETSc refuses,
 * by name: each solver that the method has is set up on a small system, which takes what it knows.
 * 0 or -1. Collective. */
int options_check(MPI_Comm comm, const struct params *p, int argc, char **argv,
                  struct ddg_error *err);

enum { OPTIONS_MESSAGE = 160 };

/* Until PetscPopErrorHandler() a failure of PETSc's leaves its first line there, without a trace.
 */
void options_keep_message(char *ret_message);

#endif
