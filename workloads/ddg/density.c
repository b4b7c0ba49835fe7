// SPDX-License-Identifier: LGPL-2.1-or-later
// Electron continuity at fixed psi - Lam, linear in n. It is solved for the relative correction u -
// 1 of the density that the potentials gave: the right side is the flux balance itself (computed
// without cancellation), so that loose linear solves still end in exact conservation; and each row
// is scaled by exp(-phi/vt), which makes the matrix symmetric and its unknowns all of order one.
#include "problem.h"

#include <math.h>
#include <string.h>

PetscErrorCode density_flux(struct problem *pb)
{
    const struct graph *g = &pb->g;
    size_t n = (size_t)pb->d.n_local;
    double start = MPI_Wtime(), middle;

    PetscFunctionBeginUser;
    pb->kern->exponential(n, 2, pb->w, pb->density);
    pb->kern->exponential(n, -1 / pb->md.vt, pb->phi, pb->r);
    pb->kern->exponential(n, -1 / pb->md.vt, pb->psi, pb->holes);
    middle = MPI_Wtime();
    pb->time.exponentials += middle - start;
    pb->kern->flux((size_t)g->n_edges, g->a, g->b, pb->mobile, pb->phi, pb->w, 1 / pb->md.vt,
                   pb->density, pb->r, pb->flux, pb->matrix);
    pb->time.fluxes += MPI_Wtime() - middle;
    PetscFunctionReturn(0);
}

double density_recombination(const struct problem *pb, PetscInt i, double *ret_slope)
{
    const struct params *p = pb->p;
    double n = pb->density[i], ni = pb->md.ni, h = ni * pb->holes[i];
    double unit = pb->g.volume[i] * 1e-14 / pb->md.vt, below;

    *ret_slope = 0;
    if (!p->srh)
        return 0;
    below = p->tau_p * (n + ni) + p->tau_n * (h + ni);
    *ret_slope = unit * n * h / below;
    return unit * (n * h - ni * ni) / below;
}

void density_recombination_slopes(const struct problem *pb, PetscInt i, double *ret_by_n,
                                  double *ret_by_psi)
{
    const struct params *p = pb->p;
    double n = pb->density[i], ni = pb->md.ni, h = ni * pb->holes[i];
    double unit = pb->g.volume[i] * 1e-14 / pb->md.vt, below, excess;

    *ret_by_n = *ret_by_psi = 0;
    if (!p->srh)
        return;
    below = p->tau_p * (n + ni) + p->tau_n * (h + ni);
    excess = (n * h - ni * ni) / below;
    *ret_by_n = unit * n * (h - p->tau_p * excess) / below;
    *ret_by_psi = -unit * h * (n - p->tau_n * excess) / below / pb->md.vt;
}

/* Net flux into a node, and the diagonal of the linearised continuity, both scaled by r. */
static double balance(const struct problem *pb, PetscInt i, double *ret_diag)
{
    const struct graph *g = &pb->g;
    double inflow = 0, diag = 0, slope, u = density_recombination(pb, i, &slope);

    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
        PetscInt e = g->edge[k], j = g->col[k];

        inflow += g->a[e] == i ? pb->flux[e] : -pb->flux[e];
        diag += pb->matrix[e] / pb->r[j];
    }
    *ret_diag = pb->r[i] * (diag + slope);
    inflow -= u + (pb->source[2] ? -pb->source[2][i] : 0);
    return pb->r[i] * inflow;
}

static PetscErrorCode assemble(struct problem *pb, double *rhs)
{
    struct linear *l = &pb->electrons;
    const struct graph *g = &pb->g;
    double start = MPI_Wtime();

    PetscFunctionBeginUser;
    for (PetscInt i = 0; i < pb->d.n_local && l->coarse.n; i++)
        l->coarse.null[i] = 1 / pb->r[i];
    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        double diag = 1;
        int is_free = !pb->fix_n[i];

        rhs[i] = is_free ? balance(pb, i, &diag) : 0;
        for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
            int is_coupled = is_free && !pb->fix_n[g->col[k]];

            l->values[l->pt->pos[k]] = is_coupled ? -pb->matrix[g->edge[k]] : 0;
        }
        l->values[l->pt->diag[i]] = diag;
    }
    PetscCall(linear_changed(l));
    pb->time.assembly += MPI_Wtime() - start;
    PetscFunctionReturn(0);
}

static void extremes(const struct problem *pb, const double *u, double *ret_least, double *ret_most)
{
    double least = 0, most = 0;

    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        least = fmin(least, u[i]);
        most = fmax(most, fabs(u[i]));
    }
    *ret_least = -domain_max(&pb->d, -least);
    *ret_most = domain_max(&pb->d, most);
}

/* A density that would turn negative (rounding of a huge change, or a mesh without M-matrices) is
 * let fall by a factor of 1e6 at most; the outer iteration goes on from there. */
static PetscErrorCode apply(struct problem *pb, const double *u, double *ret_change)
{
    double most = 0;

    PetscFunctionBeginUser;
    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        double change = u[i] > -1 + 1e-6 ? log1p(u[i]) : log(1e-6);

        if (pb->fix_n[i])
            continue;
        pb->phi[i] -= pb->md.vt * change;
        pb->w[i] += 0.5 * change;
        most = fmax(most, pb->md.vt * fabs(change));
    }
    *ret_change = domain_max(&pb->d, most);
    PetscCall(domain_update(&pb->d, pb->phi));
    PetscCall(domain_update(&pb->d, pb->w));
    PetscFunctionReturn(0);
}

/* Solves for the relative correction, to `rtol` or, where a density falls to a few times that share
 * of itself, to so much less that it stays positive. A large change alone is no reason: what a
 * loose solve leaves of it, the next iteration sees and mends. */
static PetscErrorCode correction(struct problem *pb, double rtol, const double *rhs, double *u,
                                 double *ret_most, int *ret_ok)
{
    const double few = 5, tightest = 1e-8;
    double least;

    PetscFunctionBeginUser;
    for (;; rtol = fmax(tightest, 0.1 * rtol)) {
        PetscCall(linear_solve(&pb->electrons, rtol, rhs, u, ret_ok));
        extremes(pb, u, &least, ret_most);
        if (!*ret_ok || 1 + least > few * rtol || rtol <= tightest)
            break;
    }
    PetscFunctionReturn(0);
}

PetscErrorCode density_solve(struct problem *pb, double rtol, double *ret_change, int *ret_ok)
{
    double *rhs, *u, most;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc2(pb->d.n_own, &rhs, pb->d.n_own, &u));
    PetscCall(density_flux(pb));
    PetscCall(assemble(pb, rhs));
    PetscCall(correction(pb, rtol, rhs, u, &most, ret_ok));
    *ret_ok = *ret_ok && isfinite(most);
    if (*ret_ok)
        PetscCall(apply(pb, u, ret_change));
    PetscCall(PetscFree2(rhs, u));
    PetscFunctionReturn(0);
}

/* The conductance problem: sum_j g n_ij (s_i - s_j) = 0, with the voltage steps at the contacts. */
static PetscErrorCode predict_system(struct problem *pb, const double *delta, double *rhs)
{
    struct linear *l = &pb->electrons;
    const struct graph *g = &pb->g;

    PetscFunctionBeginUser;
    for (PetscInt i = 0; i < pb->d.n_local && l->coarse.n; i++)
        l->coarse.null[i] = 1;
    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        double sum = 0;

        rhs[i] = pb->fix_n[i] ? delta[pb->d.contact[i]] : 0;
        for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
            PetscInt j = g->col[k];
            double m = pb->fix_n[i] ? 0 : pb->matrix[g->edge[k]] / sqrt(pb->r[i] * pb->r[j]);

            sum += m;
            l->values[l->pt->pos[k]] = pb->fix_n[j] ? 0 : -m;
            rhs[i] += pb->fix_n[j] ? m * delta[pb->d.contact[j]] : 0;
        }
        l->values[l->pt->diag[i]] = sum > 0 ? sum : 1;
    }
    PetscCall(linear_changed(l));
    PetscFunctionReturn(0);
}

PetscErrorCode density_predict(struct problem *pb, const double *delta)
{
    double *rhs, *s;
    int ok;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc2(pb->d.n_own, &rhs, pb->d.n_own, &s));
    PetscCall(density_flux(pb));
    PetscCall(predict_system(pb, delta, rhs));
    PetscCall(linear_solve(&pb->electrons, 1e-3, rhs, s, &ok));
    for (PetscInt i = 0; i < pb->d.n_own && ok; i++) {
        if (pb->fix_n[i])
            continue;
        pb->phi[i] += s[i];
        pb->psi[i] += s[i];
    }
    PetscCall(domain_update(&pb->d, pb->phi));
    PetscCall(domain_update(&pb->d, pb->psi));
    PetscCall(PetscFree2(rhs, s));
    PetscFunctionReturn(0);
}

PetscErrorCode density_currents(struct problem *pb, double *ret)
{
    const struct graph *g = &pb->g;

    PetscFunctionBeginUser;
    memset(ret, 0, CONTACTS * sizeof(*ret));
    PetscCall(density_flux(pb));
    for (PetscInt i = 0; i < pb->d.n_own; i++)
        for (PetscInt k = g->row[i]; pb->fix_n[i] && k < g->row[i + 1]; k++) {
            double f = pb->flux[g->edge[k]];

            /* electrons that arrive at a contact leave through it: current flows into the terminal
             */
            ret[pb->d.contact[i]] += g->a[g->edge[k]] == i ? f : -f;
        }
    for (int c = 0; c < CONTACTS; c++)
        ret[c] = domain_sum(&pb->d, ret[c]) * pb->md.current * pb->d.factor;
    ret[CONTACT_NONE] = 0;
    PetscFunctionReturn(0);
}
