// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_GUMMEL_H
#define DDG_GUMMEL_H

#include "problem.h"

/* One solved bias. */
struct bias_point {
    double vd, vg;            /* V */
    double current[CONTACTS]; /* A into the terminals */
    double inversion;         /* mos: electrons per area, cm^-2 */
    double centroid;          /* mos: their mean distance from the oxide, nm */
    double body_drop;         /* mos: potential along a Debye length at the body contact, V_T */
    double depletion;         /* bar with a step: width without carriers, nm */
    double seconds;
    int iterations, steps; /* outer iterations of all steps; bias steps taken */
    int rescues;           /* linear systems that MUMPS had to solve */
};

/* How a bias point went. */
struct outcome {
    int ok;
    int iterations; /* of the outer loop */
    double change;  /* last change of a potential, V */
};

/* What a bias is solved with: the method asked for, full Newton, Gummel without acceleration. */
enum means { MEANS_METHOD, MEANS_NEWTON, MEANS_PLAIN };

/* Solves the bias that problem_bias() has set, from the present state. Collective. */
PetscErrorCode gummel_solve(struct problem *pb, enum means means, struct outcome *ret);

#endif
