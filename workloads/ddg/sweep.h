// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_SWEEP_H
#define DDG_SWEEP_H

#include "gummel.h"

enum { SWEEP_FIGURES = 4 };

/* One solved bias. */
struct bias_point {
    double vd, vg;            /* V */
    double current[CONTACTS]; /* A into the terminals */
    double inversion;         /* mos: electrons per area, cm^-2 */
    double centroid;          /* mos: their mean distance from the oxide, nm */
    double depletion;         /* bar with a step: width without carriers, nm */
    double seconds;
    int iterations, steps; /* outer iterations of all steps; bias steps taken */
};

struct sweep {
    struct bias_point *point;
    int n, failed;
    char failure[512]; /* which bias, which residual, what was tried */
    double seconds;    /* all biases */
};

/* Solves all biases of the parameters. A failure ends it; what was solved stays. Collective. */
PetscErrorCode sweep_run(struct problem *pb, struct sweep *ret);
PetscErrorCode sweep_free(struct sweep *s);
/* integrals.c: the figures of a state that are integrals over the device. */
PetscErrorCode integrals_compute(struct problem *pb, struct bias_point *ret);

#endif
