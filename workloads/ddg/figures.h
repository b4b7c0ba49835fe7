// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_FIGURES_H
#define DDG_FIGURES_H

#include "sweep.h"

#include <jansson.h>

/* Figures of merit of one transfer curve: n points of ascending vg at one vd. NaN where the sweep
 * does not reach them. */
struct curve_figures {
    double vth;       /* V: gate voltage at `vth_current`, log interpolation */
    double vth_gm;    /* V: tangent at the greatest transconductance, less vds / 2; NaN where vds is
                       * over 0.1 V: there the tangent is no threshold */
    double ss;        /* mV/decade: least slope of the curve */
    double gm;        /* S: greatest transconductance */
    double ion, ioff; /* A: at the greatest vg, at vg = 0 */
};
void figures_curve(const struct params *p, const struct bias_point *pt, int n,
                   struct curve_figures *ret);

/* The result line: figures, verification. The caller decrefs it. ret_verified: no check failed. */
json_t *figures_result(const struct problem *pb, const struct sweep *s, int *ret_verified);

#endif
