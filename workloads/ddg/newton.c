// SPDX-License-Identifier: LGPL-2.1-or-later
// Full Newton on {psi, w, phi}: the two equations of potential.c and the flux balance, whose fluxes
//   f_ab = g (n_b B(delta) - n_a B(-delta)),  delta = (phi_b - phi_a)/vt + 2 (w_b - w_a)
// depend on w and phi alone. Field-dependent mobilities are taken from the step before.
#include "problem.h"

#include <math.h>

/* Derivative of the Bernoulli function from its values at x and -x. */
static double bernoulli_slope(double x, double at_x, double at_minus_x)
{
    if (fabs(x) < 1e-3)
        return -0.5 + x / 6 - x * x * x / 180;
    return at_x * (1 - at_minus_x) / x;
}

struct row {
    double *own, *off;
    double *diag; /* 3 x 3 by columns: psi, w, phi */
};

/* Adds the balance of one edge, seen from node i; returns the inflow into i. */
static double edge_entries(struct problem *pb, PetscInt i, PetscInt k, struct row *r)
{
    const struct graph *g = &pb->g;
    const struct linear *l = &pb->full;
    PetscInt j = g->col[k], e = g->edge[k];
    double vt = pb->md.vt, delta = (pb->phi[j] - pb->phi[i]) / vt + 2 * (pb->w[j] - pb->w[i]);
    double to = pb->matrix[e] / pb->r[i], from = pb->matrix[e] / pb->r[j]; /* g n_j B, g n_i B(-) */
    double coupling = pb->mobile[e], slope;
    double *block = (j < pb->d.n_own ? r->own : r->off) + 9 * (size_t)l->pos[k];

    for (int c = 0; c < 9; c++)
        block[c] = 0;
    if (coupling == 0 || pb->fix_n[i])
        return 0;
    slope = pb->density[j] * coupling *
                bernoulli_slope(delta, to / (coupling * pb->density[j]),
                                from / (coupling * pb->density[i])) +
            pb->density[i] * coupling *
                bernoulli_slope(-delta, from / (coupling * pb->density[i]),
                                to / (coupling * pb->density[j]));
    if (!pb->fix_n[j]) {
        block[5] = -pb->r[i] * 2 * (to + slope);
        block[8] = -pb->r[i] * slope / vt;
    }
    r->diag[5] += pb->r[i] * 2 * (from + slope);
    r->diag[8] += pb->r[i] * slope / vt;
    return g->a[e] == i ? pb->flux[e] : -pb->flux[e];
}

static void row(struct problem *pb, PetscInt i, struct row *r, double *rhs)
{
    const struct graph *g = &pb->g;
    double sum = 1, slope = 1, v = g->volume[i], inflow = 0, trap, traps;
    int free_psi = !pb->fix_psi[i], free_n = !pb->fix_n[i];

    for (int c = 0; c < 9; c++)
        r->diag[c] = 0;
    rhs[0] = free_psi ? -potential_poisson(pb, i, &sum) : 0;
    rhs[1] = free_n ? -potential_gradient(pb, i, &slope) : 0;
    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
        PetscInt j = g->col[k];
        double *block;

        inflow += edge_entries(pb, i, k, r);
        block = (j < pb->d.n_own ? r->own : r->off) + 9 * (size_t)pb->full.pos[k];
        block[0] = free_psi && !pb->fix_psi[j] ? -g->row_eps[k] : 0;
        block[4] = free_n && !pb->fix_n[j] ? -g->row_dg[k] * pb->root[j] / pb->root[i] : 0;
    }
    traps = density_recombination(pb, i, &trap);
    rhs[2] = free_n ? pb->r[i] * (inflow - traps) : 0;
    r->diag[0] = free_psi ? sum + pb->md.charge * v * pb->md.ni * pb->holes[i] / pb->md.vt : 1;
    r->diag[4] = slope;
    if (!free_n)
        r->diag[8] = 1;
    if (!free_n || !free_psi)
        return;
    r->diag[1] = -v;
    r->diag[3] = 2 * pb->md.charge * v * pb->root[i] * pb->root[i];
    r->diag[5] += pb->r[i] * 2 * trap;
    r->diag[7] = v;
}

static PetscErrorCode assemble(struct problem *pb, double *rhs)
{
    struct row r = {NULL, NULL, NULL};
    double start;

    PetscFunctionBeginUser;
    pb->kern->exponential((size_t)pb->d.n_local, 1, pb->w, pb->root);
    PetscCall(density_flux(pb));
    start = MPI_Wtime();
    PetscCall(linear_begin(&pb->full, &r.own, &r.off));
    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        r.diag = r.own + 9 * (size_t)pb->full.diag[i];
        row(pb, i, &r, rhs + 3 * i);
    }
    PetscCall(linear_end(&pb->full, &r.own, &r.off));
    pb->time.assembly += MPI_Wtime() - start;
    PetscFunctionReturn(0);
}

static double largest(const struct problem *pb, const double *x)
{
    double most = 0;

    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        most = fmax(most, fmax(fabs(x[3 * i]), fabs(x[3 * i + 2])));
        most = fmax(most, 2 * pb->md.vt * fabs(x[3 * i + 1]));
    }
    return domain_max(&pb->d, most);
}

static PetscErrorCode step(struct problem *pb, double *x, double *ret_change, int *ret_ok)
{
    double most, scale, lag = 0;

    PetscFunctionBeginUser;
    if (mobility_is_field_dependent(pb->p))
        PetscCall(mobility_update(pb, &lag));
    PetscCall(assemble(pb, x));
    PetscCall(linear_solve(&pb->full, fmin(pb->p->linear_rtol, 1e-6), x, x, ret_ok));
    most = largest(pb, x);
    *ret_change = fmax(most, lag);
    *ret_ok = *ret_ok && isfinite(most);
    scale = most > pb->p->max_update ? pb->p->max_update / most : 1;
    for (PetscInt i = 0; i < pb->d.n_own && *ret_ok; i++) {
        pb->psi[i] += scale * x[3 * i];
        pb->w[i] += scale * x[3 * i + 1];
        pb->phi[i] += scale * x[3 * i + 2];
    }
    PetscCall(domain_update(&pb->d, pb->psi));
    PetscCall(domain_update(&pb->d, pb->w));
    PetscCall(domain_update(&pb->d, pb->phi));
    PetscFunctionReturn(0);
}

PetscErrorCode newton_solve(struct problem *pb, double tol, int *ret_its, double *ret_change,
                            int *ret_ok)
{
    double *x;

    PetscFunctionBeginUser;
    if (!pb->full.d)
        PetscCall(linear_new(&pb->d, &pb->g, 3, "full_", 0, pb->p, &pb->full));
    PetscCall(PetscMalloc1(3 * pb->d.n_own, &x));
    *ret_ok = 1;
    *ret_change = INFINITY;
    for (*ret_its = 0; *ret_ok && *ret_change > tol && *ret_its < pb->p->max_newton; ++*ret_its)
        PetscCall(step(pb, x, ret_change, ret_ok));
    *ret_ok = *ret_ok && *ret_change <= tol;
    PetscCall(PetscFree(x));
    PetscFunctionReturn(0);
}
