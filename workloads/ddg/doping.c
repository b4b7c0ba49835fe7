// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model.h"

#include <math.h>

static double gaussian_at(const struct params *p, const double *xyz, double length)
{
    double left = p->source_length - p->doping_setback;
    double right = p->source_length + p->gate_length + p->doping_setback;
    double d = fmin(xyz[0] - left, right - xyz[0]), s = p->doping_sigma;

    (void)length;
    if (d < 0)
        d = 0;
    return p->donors_peak * exp(-d * d / (2 * s * s)) + p->channel_doping;
}

static double uniform_at(const struct params *p, const double *xyz, double length)
{
    (void)xyz;
    (void)length;
    return p->doping_level;
}

/* The junction stands on a grid line: a node there belongs to neither half and gets their mean. */
static double step_at(const struct params *p, const double *xyz, double length)
{
    double side = xyz[0] - length / 2;

    if (fabs(side) < 1e-9 * length)
        return 0.5 * (p->doping_left + p->doping_right);
    return side < 0 ? p->doping_left : p->doping_right;
}

typedef double (*profile)(const struct params *, const double *, double);
static const profile profiles[] = {
    [DOPING_GAUSSIAN] = gaussian_at, [DOPING_UNIFORM] = uniform_at, [DOPING_STEP] = step_at};

double doping_at(const struct params *p, const double *xyz, double length)
{
    return profiles[p->doping](p, xyz, length);
}
