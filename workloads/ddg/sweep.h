// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_SWEEP_H
#define DDG_SWEEP_H

#include "gummel.h"

enum { SWEEP_FIGURES = 4 };

struct sweep {
    struct bias_point *point;
    int n, failed;
    int is_body_reached; /* mos: has it been warned of? */
    int is_any_solved;   /* is the state that of a bias that was solved? */
    char failure[512];   /* which bias, which residual, what was tried */
    double seconds;      /* all biases */
    double cpu;          /* CPU time of all ranks in these, s; waiting for others counts */
};

/* Solves all biases of the parameters. A failure ends it; what was solved stays. Collective. */
PetscErrorCode sweep_run(struct problem *pb, struct sweep *ret);
PetscErrorCode sweep_free(struct sweep *s);
/* integrals.c: the figures of a state that are integrals over the device. */
PetscErrorCode integrals_compute(struct problem *pb, struct bias_point *ret);

#endif
