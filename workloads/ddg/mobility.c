// SPDX-License-Identifier: LGPL-2.1-or-later
// Mobility per tetrahedron, summed into the couplings of the edges.
#include "problem.h"

#include <math.h>
#include <string.h>

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

/* A silicon tetrahedron as the mobility sees it, computed once. */
struct mobility_tet {
    PetscInt tet;
    double grad[3][3]; /* of the barycentric functions of nodes 1 to 3, 1/cm; they all sum to 0 */
    double coupling[6];
};

/* Square of the gradient of a nodal potential, (V/cm)^2, without its component `but` (-1: whole).
 */
static double field2(const struct mobility_tet *m, const PetscInt *t, const double *u, int but)
{
    double sum = 0;

    for (int a = 0; a < 3; a++) {
        double e = 0;

        for (int i = 0; i < 3; i++)
            e += m->grad[i][a] * (u[t[i + 1]] - u[t[0]]);
        sum += a == but ? 0 : e * e;
    }
    return sum;
}

static double reduced(const struct problem *pb, const struct mobility_tet *m, const PetscInt *t)
{
    const struct params *p = pb->p;
    double mu = pb->tet_mu[m->tet];

    if (p->mobility_perp) {
        double ratio = sqrt(field2(m, t, pb->psi, p->transport_axis)) / p->e_perp;

        mu /= 1 + (p->gamma_perp == 1 ? ratio : pow(ratio, p->gamma_perp));
    }
    if (p->mobility_field) {
        double ratio = mu * sqrt(field2(m, t, pb->phi, -1)) / p->vsat;

        mu /= p->beta == 2 ? sqrt(1 + ratio * ratio) : pow(1 + pow(ratio, p->beta), 1 / p->beta);
    }
    return mu;
}

/* Moves the couplings by a share of the way to the mobilities of the present state. */
static PetscErrorCode update(struct problem *pb, double share)
{
    struct graph *g = &pb->g;
    double start = MPI_Wtime();

    PetscFunctionBeginUser;
    for (PetscInt e = 0; e < g->n_edges; e++)
        pb->mobile[e] *= 1 - share;
    for (PetscInt i = 0; i < pb->n_mobility_tets; i++) {
        const struct mobility_tet *m = &pb->mobility_tet[i];
        const PetscInt *edge = &g->tet_edge[6 * m->tet];
        double mu = share * reduced(pb, m, &pb->d.tet[4 * m->tet]);

        for (int k = 0; k < 6; k++)
            if (edge[k] >= 0)
                pb->mobile[edge[k]] += mu * m->coupling[k];
    }
    for (PetscInt e = 0; e < g->n_edges && pb->p->negative == NEGATIVE_CLIP; e++)
        pb->mobile[e] = fmax(pb->mobile[e], 0);
    pb->time.mobility += MPI_Wtime() - start;
    PetscFunctionReturn(0);
}

/* A factor common to all mobilities moves no potential, so potentials that stand still do not say
 * that mobilities do. */
static PetscErrorCode renew(struct problem *pb, double share, double *ret_change)
{
    double *before = pb->matrix; /* the next fluxes overwrite it */
    double most = 0;

    PetscFunctionBeginUser;
    PetscCall(PetscArraycpy(before, pb->mobile, pb->g.n_edges));
    PetscCall(update(pb, share));
    for (PetscInt e = 0; e < pb->g.n_edges; e++)
        if (pb->mobile[e] != before[e])
            most = fmax(most, fabs(pb->mobile[e] - before[e]) /
                                  fmax(fabs(pb->mobile[e]), fabs(before[e])));
    *ret_change = pb->md.vt * domain_max(&pb->d, most);
    PetscFunctionReturn(0);
}

/* Lagged mobilities may swing about the solution: where carriers are at saturation speed their flux
 * hardly depends on the field. Half of the way at a time does not. */
PetscErrorCode mobility_update(struct problem *pb, double *ret_change)
{
    PetscFunctionBeginUser;
    PetscCall(renew(pb, 0.5, ret_change));
    PetscFunctionReturn(0);
}

PetscErrorCode mobility_set(struct problem *pb, double *ret_change)
{
    PetscFunctionBeginUser;
    PetscCall(renew(pb, 1, ret_change));
    PetscFunctionReturn(0);
}

static void place(const struct problem *pb, PetscInt tet, struct mobility_tet *ret)
{
    const PetscInt *t = &pb->d.tet[4 * tet];
    struct tet_shape s;

    coupling_shape(pb->d.xyz, t, pb->g.flow_scheme, &s);
    ret->tet = tet;
    for (int i = 0; i < 9; i++)
        ret->grad[i / 3][i % 3] = 1e7 * s.grad[1 + i / 3][i % 3];
    memcpy(ret->coupling, s.coupling, sizeof(ret->coupling));
}

PetscErrorCode mobility_setup(struct problem *pb)
{
    const struct domain *d = &pb->d;
    PetscInt n = 0;

    PetscFunctionBeginUser;
    if (pb->p->mobility == MOBILITY_CONSTANT && !mobility_is_field_dependent(pb->p)) {
        for (PetscInt e = 0; e < pb->g.n_edges; e++)
            pb->mobile[e] = pb->p->mu * pb->g.silicon[e];
        PetscCall(graph_settle(&pb->g));
        PetscFunctionReturn(0);
    }
    PetscCall(PetscMalloc1(d->n_tets, &pb->tet_mu));
    for (PetscInt t = 0; t < d->n_tets; t++) {
        double doping = 0;

        for (int i = 0; i < 4; i++)
            doping += 0.25 * fabs(pb->doping[d->tet[4 * t + i]]) * DENSITY_SCALE;
        pb->tet_mu[t] = low_field[pb->p->mobility](pb->p, doping);
        n += d->region[t] == REGION_SILICON;
    }
    PetscCall(PetscMalloc1(n, &pb->mobility_tet));
    for (PetscInt t = 0; t < d->n_tets; t++)
        if (d->region[t] == REGION_SILICON)
            place(pb, t, &pb->mobility_tet[pb->n_mobility_tets++]);
    PetscCall(update(pb, 1));
    if (!mobility_is_field_dependent(pb->p)) { /* it will not be asked for again */
        PetscCall(PetscFree(pb->mobility_tet));
        pb->n_mobility_tets = 0;
        PetscCall(graph_settle(&pb->g));
    }
    PetscFunctionReturn(0);
}
