// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model.h"

#include <math.h>

static double dg_coefficient(double mass)
{
    return PHYS_HBAR * PHYS_HBAR / (6 * PHYS_CHARGE * mass * PHYS_MASS) * 1e18;
}

/* b_ox / x_np of the WKB condition (Jin, Park and Min, IEEE TED 51 (2004)); the hard wall is the
 * same condition with a slope so steep that sqrt(n) is 1e-4 of its value one cell away. */
static double robin_coefficient(const struct params *p)
{
    const double hardwall = 1e4; /* V nm */
    double x_np =
        PHYS_HBAR / sqrt(2 * p->mass_barrier * PHYS_MASS * PHYS_CHARGE * p->barrier) * 1e9;

    if (p->quantum == 0 || p->interface == INTERFACE_NOFLUX)
        return 0;
    return p->interface == INTERFACE_HARDWALL ? hardwall : dg_coefficient(p->mass_oxide) / x_np;
}

void model_init(struct model *md, const struct params *p)
{
    const double mass[3] = {p->mass_x, p->mass_y, p->mass_z};

    md->vt = PHYS_BOLTZ * p->temperature / PHYS_CHARGE;
    md->ni = p->intrinsic / DENSITY_SCALE;
    md->log_ns_ni = log(DENSITY_SCALE / p->intrinsic);
    md->charge = PHYS_CHARGE * DENSITY_SCALE * 1e6 * 1e-18 / PHYS_EPS0;
    for (int a = 0; a < 3; a++)
        md->b[a] = p->quantum ? dg_coefficient(mass[a]) : 0;
    md->robin = robin_coefficient(p);
    md->eps[REGION_SILICON] = p->eps_silicon;
    md->eps[REGION_OXIDE] = p->eps_oxide;
    md->current = PHYS_CHARGE * md->vt * 1e-7 * DENSITY_SCALE;
}

double model_neutral(const struct model *md, double doping)
{
    return md->vt * asinh(doping / DENSITY_SCALE / (2 * md->ni));
}

double model_neutral_density(const struct model *md, double doping)
{
    double d = doping / DENSITY_SCALE, root = sqrt(d * d + 4 * md->ni * md->ni);

    /* the difference of nearly equal numbers is avoided where acceptors prevail */
    return d >= 0 ? 0.5 * (d + root) : 2 * md->ni * md->ni / (root - d);
}

double model_gate(const struct model *md, const struct params *p, double vg, double body)
{
    double offset =
        p->workfunction - p->affinity - md->vt * log(p->conduction_states / p->intrinsic);

    return p->vg_reference ? vg + model_neutral(md, body) : vg - offset;
}
