// SPDX-License-Identifier: LGPL-2.1-or-later
// The loops full of exponentials. kernels_isa.c is compiled once for each instruction set, and the
// table below is filled at run time from what the CPU announces: a guest whose CPU definition hides
// AVX gets the generic ones, a tuned guest the wide ones.
#ifndef DDG_KERNELS_H
#define DDG_KERNELS_H

#include <stddef.h>

struct kernels {
    const char *name;
    /* y[i] = exp(scale x[i]) */
    void (*exponential)(size_t n, double scale, const double *x, double *y);
    /* Scharfetter-Gummel fluxes on edges a -> b. With dphi = (phi_b - phi_a)/vt, delta = dphi + 2
     * (w_b - w_a) and B the Bernoulli function: flux = -g n_b B(delta) expm1(dphi), the net inflow
     * into a (it is exactly 0 where phi is level); matrix = g n_b B(delta) r_a, symmetric in a and
     * b, r = exp(-phi/vt) */
    void (*flux)(size_t n, const int *a, const int *b, const double *g, const double *phi,
                 const double *w, double inverse_vt, const double *density, const double *r,
                 double *flux, double *matrix);
};

/* `choice`: 0 the best that runs here, else 1 generic, 2 avx2, 3 avx512; NULL when this CPU lacks
 * it. */
const struct kernels *kernels_get(int choice);

#endif
