// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sweep.h"

#include <math.h>

/* Electrons above the oxide-free equilibrium and their centroid below the interface, by area. */
static void inversion(const struct problem *pb, struct bias_point *ret)
{
    double sum = 0, moment = 0, area = 0;

    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        double n = pb->d.silicon[i] ? exp(2 * pb->w[i]) * pb->g.volume[i] : 0;

        sum += n;
        moment += n * (pb->p->height - pb->d.xyz[3 * i + 2]);
        area += pb->g.interface[i];
    }
    sum = domain_sum(&pb->d, sum);
    moment = domain_sum(&pb->d, moment);
    area = domain_sum(&pb->d, area);
    ret->inversion = area > 0 ? sum * DENSITY_SCALE * 1e-7 / area : 0;
    ret->centroid = sum > 0 ? moment / sum : 0;
}

/* Field at the body contact times the Debye length: beyond the edge of the depletion layer, where
 * it is one V_T, it falls by e in each Debye length. */
static double body_drop(const struct problem *pb)
{
    const struct graph *g = &pb->g;
    const struct model *md = &pb->md;
    double flux = 0, doping = fabs(pb->body_doping) / DENSITY_SCALE;
    double field, debye = sqrt(pb->p->eps_silicon * md->vt / (md->charge * doping));

    for (PetscInt i = 0; i < pb->d.n_own; i++)
        for (PetscInt k = g->row[i]; pb->d.contact[i] == CONTACT_BODY && k < g->row[i + 1]; k++)
            if (pb->d.contact[g->col[k]] != CONTACT_BODY)
                flux += g->row_eps[k] * (pb->psi[g->col[k]] - pb->psi[i]);
    field = fabs(domain_sum(&pb->d, flux)) / (pb->p->eps_silicon * pb->p->length * pb->p->width);
    return field * debye / md->vt;
}

/* Width of the layer without carriers that has the dipole moment of the actual charge: the
 * depletion approximation for the same built-in voltage. (By its charge the layer is narrower: the
 * tails of the carriers take 2 vt off the voltage.) */
static void depletion(const struct problem *pb, struct bias_point *ret)
{
    double moment = 0, area = pb->p->width * pb->p->height;

    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        double n = exp(2 * pb->w[i]), h = pb->md.ni * exp(-pb->psi[i] / pb->md.vt);

        if (pb->d.silicon[i])
            moment +=
                (pb->doping[i] - n + h) * pb->g.volume[i] * (pb->d.xyz[3 * i] - pb->length / 2);
    }
    moment = fabs(domain_sum(&pb->d, moment)) / area * DENSITY_SCALE;
    ret->depletion =
        sqrt(2 * moment * (1 / fabs(pb->p->doping_left) + 1 / fabs(pb->p->doping_right)));
}

PetscErrorCode integrals_compute(struct problem *pb, struct bias_point *ret)
{
    PetscFunctionBeginUser;
    if (pb->p->device == DEVICE_MOS) {
        inversion(pb, ret);
        ret->body_drop = body_drop(pb);
    }
    if (pb->p->device == DEVICE_BAR && pb->p->doping == DOPING_STEP)
        depletion(pb, ret);
    PetscFunctionReturn(0);
}
