// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_ANDERSON_H
#define DDG_ANDERSON_H

#include "domain.h"

enum { ANDERSON_MAX = 20 };

/* Anderson acceleration of a fixed-point iteration x <- G(x) on owned nodal values. */
struct anderson {
    const struct domain *d;
    PetscInt n;
    int depth, kept, next;
    double *dx[ANDERSON_MAX], *df[ANDERSON_MAX]; /* differences of earlier G(x) and residuals */
    double *last_g, *last_f;
    int has_last;
};

PetscErrorCode anderson_new(const struct domain *d, PetscInt n, int depth, struct anderson *ret);
PetscErrorCode anderson_free(struct anderson *an);
/* Forgets the history: after a change of the problem or a step that went wrong. */
void anderson_reset(struct anderson *an);
/* From x and g = G(x), the next x, written over g. Collective. */
PetscErrorCode anderson_mix(struct anderson *an, const double *x, double *g);

#endif
