// SPDX-License-Identifier: LGPL-2.1-or-later
// Poisson and density gradient at fixed quasi-Fermi level:
//   F1_i = sum_j eps_ij (psi_i - psi_j) - Q v_i (p_i - n_i + D_i)
//   F2_i = sum_j b_ij (1 - e^(w_j - w_i)) + robin S_i - v_i (psi_i - phi_i - vt (2 w_i + ln ns/ni))
// The second is -b lap(s)/s = Lam with s = sqrt n = e^w, tested with the node's box and divided by
// s_i.
#include "problem.h"

#include <math.h>
#include <string.h>

struct system {
    struct problem *pb;
    struct linear *l;
    double *rhs; /* minus the residual */
};

static void nodal(struct problem *pb)
{
    double start = MPI_Wtime();
    size_t n = (size_t)pb->d.n_local;

    pb->kern->exponential(n, 1, pb->w, pb->root);
    pb->kern->exponential(n, -1 / pb->md.vt, pb->psi, pb->holes);
    pb->time.exponentials += MPI_Wtime() - start;
}

double potential_poisson(const struct problem *pb, PetscInt i, double *ret_sum)
{
    const struct graph *g = &pb->g;
    double f = 0, sum = 0, p = pb->md.ni * pb->holes[i], n = pb->root[i] * pb->root[i];

    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
        f += g->row_eps[k] * (pb->psi[i] - pb->psi[g->col[k]]);
        sum += g->row_eps[k];
    }
    *ret_sum = sum;
    f -= pb->md.charge * g->volume[i] * (p - n + pb->doping[i]);
    return f - (pb->source[0] ? pb->source[0][i] : 0);
}

double potential_gradient(const struct problem *pb, PetscInt i, double *ret_diag)
{
    const struct graph *g = &pb->g;
    double inverse = 1 / pb->root[i], f = 0, diag = 0, v = g->volume[i];

    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
        double ratio = g->row_dg[k] * pb->root[g->col[k]] * inverse;

        f += g->row_dg[k] - ratio;
        diag += ratio;
    }
    *ret_diag = diag + 2 * pb->md.vt * v;
    f += pb->md.robin * g->interface[i] - v * problem_lambda(pb, i);
    return f - (pb->source[1] ? pb->source[1][i] : 0);
}

/* 2 x 2 blocks by columns: F1 psi, F2 psi, F1 w, F2 w. */
static void pair_row(struct system *s, PetscInt i)
{
    struct problem *pb = s->pb;
    const struct pattern *pt = s->l->pt;
    const struct graph *g = &pb->g;
    double *diag = s->l->values + 4 * (size_t)pt->diag[i], sum = 1, slope = 1, v = g->volume[i];
    int free_psi = !pb->fix_psi[i], free_w = !pb->fix_n[i];

    s->rhs[2 * i] = free_psi ? -potential_poisson(pb, i, &sum) : 0;
    s->rhs[2 * i + 1] = free_w ? -potential_gradient(pb, i, &slope) : 0;
    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
        PetscInt j = g->col[k];
        double *block = s->l->values + 4 * (size_t)pt->pos[k];

        block[0] = free_psi && !pb->fix_psi[j] ? -g->row_eps[k] : 0;
        block[1] = block[2] = 0;
        block[3] = free_w && !pb->fix_n[j] ? -g->row_dg[k] * pb->root[j] / pb->root[i] : 0;
    }
    diag[0] = free_psi ? sum + pb->md.charge * v * pb->md.ni * pb->holes[i] / pb->md.vt : 1;
    diag[1] = free_w && free_psi ? -v : 0;
    diag[2] = free_w && free_psi ? 2 * pb->md.charge * v * pb->root[i] * pb->root[i] : 0;
    diag[3] = slope;
}

/* Psi alone, with w following it: dw = dpsi / 2 vt. */
static void poisson_only_row(struct system *s, PetscInt i)
{
    struct problem *pb = s->pb;
    const struct pattern *pt = s->l->pt;
    const struct graph *g = &pb->g;
    double sum = 1, carriers = 0;
    int is_free = !pb->fix_psi[i];

    s->rhs[i] = is_free ? -potential_poisson(pb, i, &sum) : 0;
    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++)
        s->l->values[pt->pos[k]] = is_free && !pb->fix_psi[g->col[k]] ? -g->row_eps[k] : 0;
    if (is_free)
        carriers = pb->md.ni * pb->holes[i] + pb->root[i] * pb->root[i];
    s->l->values[pt->diag[i]] = sum + pb->md.charge * g->volume[i] * carriers / pb->md.vt;
}

static void gradient_only_row(struct system *s, PetscInt i)
{
    struct problem *pb = s->pb;
    const struct pattern *pt = s->l->pt;
    const struct graph *g = &pb->g;
    double slope = 1;
    int is_free = !pb->fix_n[i];

    s->rhs[i] = is_free ? -potential_gradient(pb, i, &slope) : 0;
    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
        PetscInt j = g->col[k];
        double entry = -g->row_dg[k] * pb->root[j] / pb->root[i];

        s->l->values[pt->pos[k]] = is_free && !pb->fix_n[j] ? entry : 0;
    }
    s->l->values[pt->diag[i]] = slope;
}

static double update_pair(struct problem *pb, const double *x, double scale, double *ret_change)
{
    double most = 0;

    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        most = fmax(most, fmax(fabs(x[2 * i]), 2 * pb->md.vt * fabs(x[2 * i + 1])));
        pb->psi[i] += scale * x[2 * i];
        pb->w[i] += scale * x[2 * i + 1];
        ret_change[i] += scale * x[2 * i];
    }
    return most;
}

static double update_poisson(struct problem *pb, const double *x, double scale, double *ret_change)
{
    double most = 0;

    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        most = fmax(most, fabs(x[i]));
        pb->psi[i] += scale * x[i];
        ret_change[i] += scale * x[i];
        if (!pb->fix_n[i])
            pb->w[i] += scale * x[i] / (2 * pb->md.vt);
    }
    return most;
}

static double update_gradient(struct problem *pb, const double *x, double scale, double *ret_change)
{
    double most = 0;

    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        most = fmax(most, 2 * pb->md.vt * fabs(x[i]));
        pb->w[i] += scale * x[i];
        ret_change[i] += 2 * pb->md.vt * scale * x[i];
    }
    return most;
}

static const struct part {
    size_t linear; /* which solver of struct problem */
    void (*row)(struct system *, PetscInt);
    double (*update)(struct problem *, const double *, double, double *);
} parts[] = {
    [POTENTIAL_PAIR] = {offsetof(struct problem, pair), pair_row, update_pair},
    [POTENTIAL_POISSON] = {offsetof(struct problem, poisson), poisson_only_row, update_poisson},
    [POTENTIAL_GRADIENT] = {offsetof(struct problem, gradient), gradient_only_row, update_gradient},
};

static PetscErrorCode assemble(struct problem *pb, const struct part *part, struct linear *l,
                               double *rhs)
{
    struct system s = {pb, l, rhs};
    double start;

    PetscFunctionBeginUser;
    nodal(pb);
    start = MPI_Wtime();
    for (PetscInt i = 0; i < pb->d.n_own; i++)
        part->row(&s, i);
    PetscCall(linear_changed(l));
    pb->time.assembly += MPI_Wtime() - start;
    PetscFunctionReturn(0);
}

static double largest(const struct problem *pb, const double *x)
{
    double most = 0;

    for (PetscInt i = 0; i < pb->d.n_own; i++)
        most = fmax(most, fabs(x[i]));
    return domain_max(&pb->d, most);
}

/* One Newton step; ret_step is the undamped update, V. */
static PetscErrorCode step(struct problem *pb, const struct part *part, struct linear *l,
                           double *rhs, double *change, double *ret_step, int *ret_ok)
{
    double most, scale;

    PetscFunctionBeginUser;
    PetscCall(assemble(pb, part, l, rhs));
    PetscCall(linear_solve(l, pb->p->linear_rtol, rhs, rhs, ret_ok));
    most = domain_max(&pb->d, part->update(pb, rhs, 0, change));
    *ret_step = most;
    if (!*ret_ok || !isfinite(most))
        PetscFunctionReturn(0);
    scale = most > pb->p->max_update ? pb->p->max_update / most : 1;
    part->update(pb, rhs, scale, change);
    PetscCall(domain_update(&pb->d, pb->psi));
    PetscCall(domain_update(&pb->d, pb->w));
    pb->newton_its++;
    PetscFunctionReturn(0);
}

/* What is left to change after a step: its solver's tolerance of it (doubled, for safety), and what
 * Newton's quadratic convergence leaves of the exact step. */
static double left(const struct problem *pb, double step)
{
    return step * fmin(1, 2 * pb->p->linear_rtol + step / pb->md.vt);
}

PetscErrorCode potential_solve(struct problem *pb, enum potential_part which, double tol,
                               double *ret_change, int *ret_ok)
{
    const struct part *part = &parts[which];
    struct linear *l = (struct linear *)(void *)((char *)pb + part->linear);
    double *rhs, *change, most = INFINITY;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc2(l->bs * pb->d.n_own, &rhs, pb->d.n_own, &change));
    PetscCall(PetscArrayzero(change, pb->d.n_own));
    *ret_ok = 1;
    for (int it = 0; it < pb->p->max_newton && *ret_ok && left(pb, most) > tol; it++) {
        PetscCall(step(pb, part, l, rhs, change, &most, ret_ok));
        *ret_ok = *ret_ok && isfinite(most);
    }
    *ret_ok = *ret_ok && left(pb, most) <= tol;
    *ret_change = largest(pb, change);
    PetscCall(PetscFree2(rhs, change));
    PetscFunctionReturn(0);
}
