// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_OUTPUT_H
#define DDG_OUTPUT_H

#include "gummel.h"

/* Opens the I-V table on rank 0; on failure says so in `err` and returns -1, on every rank. */
int output_begin(const struct problem *pb, struct ddg_error *err);
/* One solved bias: row of the table, progress line, field files. Collective. */
PetscErrorCode output_point(struct problem *pb, const struct bias_point *pt,
                            const struct outcome *out);
/* Closes the table. 1 when any output of this rank was lost, else 0. */
int output_end(const struct problem *pb);

/* restart.c: the state in mesh order, independent of the number of ranks. Collective. */
PetscErrorCode output_save(struct problem *pb);
/* Reads pb->p->restart into the state; restart_check() has accepted the file before. */
PetscErrorCode output_restart(struct problem *pb);
int restart_check(const char *path, PetscInt n_nodes, struct ddg_error *err);

#endif
