// SPDX-License-Identifier: LGPL-2.1-or-later
// Mobility per tetrahedron, summed into the couplings of the edges.
#include "problem.h"

#include <math.h>

static double constant(const struct params *p, double doping)
{
    (void)doping;
    return p->mu;
}

/* Arora, Hauser and Roulston, IEEE TED 29 (1982), eq. 8, electrons: 0.88 is the exponent of the
 * doping. */
static double arora(const struct params *p, double doping)
{
    double t = p->temperature / 300, level = doping / (1.26e17 * pow(t, 2.4));

    return 88 * pow(t, -0.57) +
           7.4e8 * pow(p->temperature, -2.33) / (1 + pow(level, 0.88 * pow(t, -0.146)));
}

/* Caughey and Thomas, Proc. IEEE 55 (1967). */
static double caughey(const struct params *p, double doping)
{
    return p->mu_min + (p->mu_max - p->mu_min) / (1 + pow(doping / p->mu_ref, p->mu_alpha));
}

static double (*const low_field[])(const struct params *, double) = {
    [MOBILITY_CONSTANT] = constant, [MOBILITY_ARORA] = arora, [MOBILITY_CAUGHEY] = caughey};

int mobility_is_field_dependent(const struct params *p)
{
    return p->mobility_field || p->mobility_perp;
}

/* Gradient of a nodal potential in V/cm. */
static void field(const struct tet_shape *s, const PetscInt *t, const double *u, double *ret)
{
    for (int a = 0; a < 3; a++) {
        ret[a] = 0;
        for (int i = 0; i < 4; i++)
            ret[a] += 1e7 * s->grad[i][a] * u[t[i]];
    }
}

static double reduced(const struct problem *pb, const struct tet_shape *s, const PetscInt *t,
                      double mu)
{
    const struct params *p = pb->p;
    double e[3];

    if (p->mobility_perp) {
        field(s, t, pb->psi, e);
        e[p->transport_axis] = 0;
        mu /= 1 + pow(sqrt(e[0] * e[0] + e[1] * e[1] + e[2] * e[2]) / p->e_perp, p->gamma_perp);
    }
    if (p->mobility_field) {
        field(s, t, pb->phi, e);
        mu /= pow(1 + pow(mu * sqrt(e[0] * e[0] + e[1] * e[1] + e[2] * e[2]) / p->vsat, p->beta),
                  1 / p->beta);
    }
    return mu;
}

/* Lagged mobilities may swing about the solution: where carriers are at saturation speed their flux
 * hardly depends on the field, so half of the way is gone at a time (`share`; all of it at the
 * beginning). */
static PetscErrorCode update(struct problem *pb, double share)
{
    const struct domain *d = &pb->d;
    struct graph *g = &pb->g;
    double start = MPI_Wtime();

    PetscFunctionBeginUser;
    for (PetscInt e = 0; e < g->n_edges; e++)
        pb->mobile[e] *= 1 - share;
    for (PetscInt t = 0; t < d->n_tets; t++) {
        struct tet_shape s;
        double mu;

        if (d->region[t] != REGION_SILICON)
            continue;
        coupling_shape(d->xyz, &d->tet[4 * t], g->flow_scheme, &s);
        mu = reduced(pb, &s, &d->tet[4 * t], pb->tet_mu[t]);
        for (int k = 0; k < 6; k++)
            if (g->tet_edge[6 * t + k] >= 0)
                pb->mobile[g->tet_edge[6 * t + k]] += share * mu * s.coupling[k];
    }
    for (PetscInt e = 0; e < g->n_edges && pb->p->negative == NEGATIVE_CLIP; e++)
        pb->mobile[e] = fmax(pb->mobile[e], 0);
    pb->time.mobility += MPI_Wtime() - start;
    PetscFunctionReturn(0);
}

/* A factor common to all mobilities moves no potential, so potentials that stand still do not say
 * that mobilities do. */
PetscErrorCode mobility_update(struct problem *pb, double *ret_change)
{
    double *before = pb->matrix; /* the next fluxes overwrite it */
    double most = 0;

    PetscFunctionBeginUser;
    PetscCall(PetscArraycpy(before, pb->mobile, pb->g.n_edges));
    PetscCall(update(pb, 0.5));
    for (PetscInt e = 0; e < pb->g.n_edges; e++)
        if (pb->mobile[e] != before[e])
            most = fmax(most, fabs(pb->mobile[e] - before[e]) /
                                  fmax(fabs(pb->mobile[e]), fabs(before[e])));
    *ret_change = pb->md.vt * domain_max(&pb->d, most);
    PetscFunctionReturn(0);
}

PetscErrorCode mobility_setup(struct problem *pb)
{
    const struct domain *d = &pb->d;

    PetscFunctionBeginUser;
    if (pb->p->mobility == MOBILITY_CONSTANT && !mobility_is_field_dependent(pb->p)) {
        for (PetscInt e = 0; e < pb->g.n_edges; e++)
            pb->mobile[e] = pb->p->mu * pb->g.silicon[e];
        PetscFunctionReturn(0);
    }
    PetscCall(PetscMalloc1(d->n_tets, &pb->tet_mu));
    for (PetscInt t = 0; t < d->n_tets; t++) {
        double doping = 0;

        for (int i = 0; i < 4; i++)
            doping += 0.25 * fabs(pb->doping[d->tet[4 * t + i]]) * DENSITY_SCALE;
        pb->tet_mu[t] = low_field[pb->p->mobility](pb->p, doping);
    }
    PetscCall(update(pb, 1));
    PetscFunctionReturn(0);
}
