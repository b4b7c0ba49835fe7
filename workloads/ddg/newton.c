// SPDX-License-Identifier: LGPL-2.1-or-later
// Full Newton on {psi, w, phi} as a SNES: the two equations of potential.c and the flux balance,
// whose fluxes
//   f_ab = g (n_b B(delta) - n_a B(-delta)),  delta = (phi_b - phi_a)/vt + 2 (w_b - w_a)
// depend on w and phi alone. The balance is scaled by exp(-phi/vt) of the iterate, which is no part
// of the derivatives; nor are field-dependent mobilities, which follow with each iterate.
#include "problem.h"

#include <math.h>
#include <petscsnes.h>
#undef I

struct newton {
    struct problem *pb;
    double *scale; /* of the balance of owned nodes */
    double tol, change, lag;
    int is_tangent; /* evaluations belong to derivatives at the iterate: scale and mobility stand */
    int is_solved;  /* the linear system of the step */
};

/* Derivative of the Bernoulli function from its values at x and -x. */
static double bernoulli_slope(double x, double at_x, double at_minus_x)
{
    if (fabs(x) < 1e-3)
        return -0.5 + x / 6 - x * x * x / 180;
    return at_x * (1 - at_minus_x) / x;
}

/* 3 x 3 by columns: psi, w, phi. */
static double *block_at(const struct problem *pb, PetscInt entry)
{
    return pb->full.values + 9 * (size_t)entry;
}

/* Adds the derivatives of the balance of one edge, seen from node i. */
static void edge_entries(struct problem *pb, PetscInt i, PetscInt k, double *diag)
{
    const struct graph *g = &pb->g;
    PetscInt j = g->col[k], e = g->edge[k];
    double vt = pb->md.vt, delta = (pb->phi[j] - pb->phi[i]) / vt + 2 * (pb->w[j] - pb->w[i]);
    double to = pb->matrix[e] / pb->r[i], from = pb->matrix[e] / pb->r[j]; /* g n_j B, g n_i B(-) */
    double coupling = pb->mobile[e], slope;
    double *block = block_at(pb, pb->full.pt->pos[k]);

    for (int c = 0; c < 9; c++)
        block[c] = 0;
    if (coupling == 0 || pb->fix_n[i])
        return;
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
    diag[5] += pb->r[i] * 2 * (from + slope);
    diag[8] += pb->r[i] * slope / vt;
}

static void row(struct problem *pb, PetscInt i)
{
    const struct graph *g = &pb->g;
    double *diag = block_at(pb, pb->full.pt->diag[i]);
    double sum = 1, slope = 1, v = g->volume[i], by_n, by_psi;
    int free_psi = !pb->fix_psi[i], free_n = !pb->fix_n[i];

    for (int c = 0; c < 9; c++)
        diag[c] = 0;
    if (free_psi)
        potential_poisson(pb, i, &sum);
    if (free_n)
        potential_gradient(pb, i, &slope);
    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
        PetscInt j = g->col[k];
        double *block;

        edge_entries(pb, i, k, diag);
        block = block_at(pb, pb->full.pt->pos[k]);
        block[0] = free_psi && !pb->fix_psi[j] ? -g->row_eps[k] : 0;
        block[4] = free_n && !pb->fix_n[j] ? -g->row_dg[k] * pb->root[j] / pb->root[i] : 0;
    }
    diag[0] = free_psi ? sum + pb->md.charge * v * pb->md.ni * pb->holes[i] / pb->md.vt : 1;
    diag[4] = slope;
    if (!free_n) {
        diag[8] = 1;
        return;
    }
    density_recombination_slopes(pb, i, &by_n, &by_psi);
    diag[5] += pb->r[i] * 2 * by_n;
    diag[7] = v;
    if (!free_psi)
        return;
    diag[1] = -v;
    diag[2] = pb->r[i] * by_psi;
    diag[3] = 2 * pb->md.charge * v * pb->root[i] * pb->root[i];
}

/* The unknowns into the state, ghosts too. What is fixed stays, whatever the vector has. */
static PetscErrorCode take(struct problem *pb, Vec x)
{
    const PetscScalar *v;

    PetscFunctionBeginUser;
    PetscCall(VecGetArrayRead(x, &v));
    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        if (!pb->fix_psi[i])
            pb->psi[i] = v[3 * i];
        if (pb->fix_n[i])
            continue;
        pb->w[i] = v[3 * i + 1];
        pb->phi[i] = v[3 * i + 2];
    }
    PetscCall(VecRestoreArrayRead(x, &v));
    PetscCall(domain_update(&pb->d, pb->psi));
    PetscCall(domain_update(&pb->d, pb->w));
    PetscCall(domain_update(&pb->d, pb->phi));
    PetscFunctionReturn(0);
}

static double outflow(const struct problem *pb, PetscInt i)
{
    const struct graph *g = &pb->g;
    double sum = 0, ignored;

    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++)
        sum -= g->a[g->edge[k]] == i ? pb->flux[g->edge[k]] : -pb->flux[g->edge[k]];
    return sum + density_recombination(pb, i, &ignored);
}

static PetscErrorCode form_function(SNES snes, Vec x, Vec f, void *ctx)
{
    struct newton *nw = ctx;
    struct problem *pb = nw->pb;
    const PetscScalar *v;
    PetscScalar *r;
    double ignored;

    PetscFunctionBeginUser;
    (void)snes;
    PetscCall(take(pb, x));
    if (!nw->is_tangent && mobility_is_field_dependent(pb->p))
        PetscCall(mobility_update(pb, &nw->lag));
    pb->kern->exponential((size_t)pb->d.n_local, 1, pb->w, pb->root);
    PetscCall(density_flux(pb));
    if (!nw->is_tangent)
        PetscCall(PetscArraycpy(nw->scale, pb->r, pb->d.n_own));
    PetscCall(VecGetArrayRead(x, &v));
    PetscCall(VecGetArrayWrite(f, &r));
    for (PetscInt i = 0; i < pb->d.n_own; i++, v += 3, r += 3) {
        r[0] = pb->fix_psi[i] ? v[0] - pb->psi[i] : potential_poisson(pb, i, &ignored);
        r[1] = pb->fix_n[i] ? v[1] - pb->w[i] : potential_gradient(pb, i, &ignored);
        r[2] = pb->fix_n[i] ? v[2] - pb->phi[i] : nw->scale[i] * outflow(pb, i);
    }
    v -= 3 * pb->d.n_own;
    r -= 3 * pb->d.n_own;
    PetscCall(VecRestoreArrayRead(x, &v));
    PetscCall(VecRestoreArrayWrite(f, &r));
    PetscFunctionReturn(0);
}

/* At the state that the last form_function() has left. */
static PetscErrorCode form_jacobian(SNES snes, Vec x, Mat jac, Mat pre, void *ctx)
{
    struct newton *nw = ctx;
    struct problem *pb = nw->pb;
    double start = MPI_Wtime();

    PetscFunctionBeginUser;
    (void)snes;
    (void)x;
    (void)jac;
    (void)pre;
    for (PetscInt i = 0; i < pb->d.n_own; i++)
        row(pb, i);
    PetscCall(linear_changed(&pb->full));
    pb->time.assembly += MPI_Wtime() - start;
    nw->is_tangent = 1;
    PetscFunctionReturn(0);
}

/* The linear systems are solved as all others are, with MUMPS behind. */
static PetscErrorCode solve_step(PC pc, Vec b, Vec y)
{
    struct newton *nw;
    struct problem *pb;
    const PetscScalar *bv;
    PetscScalar *yv;

    PetscFunctionBeginUser;
    PetscCall(PCShellGetContext(pc, &nw));
    pb = nw->pb;
    PetscCall(VecGetArrayRead(b, &bv));
    PetscCall(VecGetArrayWrite(y, &yv));
    PetscCall(linear_solve(&pb->full, fmin(pb->p->linear_rtol, 1e-6), bv, yv, &nw->is_solved));
    for (PetscInt i = 0; i < 3 * pb->d.n_own && !nw->is_solved; i++)
        yv[i] = 0;
    PetscCall(VecRestoreArrayRead(b, &bv));
    PetscCall(VecRestoreArrayWrite(y, &yv));
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

/* Before the step is taken: its length, and not more than max_update of it. */
static PetscErrorCode limit(SNESLineSearch search, Vec x, Vec y, PetscBool *ret_changed, void *ctx)
{
    struct newton *nw = ctx;
    const PetscScalar *v;

    PetscFunctionBeginUser;
    (void)search;
    (void)x;
    nw->is_tangent = 0;
    PetscCall(VecGetArrayRead(y, &v));
    nw->change = largest(nw->pb, v);
    PetscCall(VecRestoreArrayRead(y, &v));
    *ret_changed = nw->change > nw->pb->p->max_update ? PETSC_TRUE : PETSC_FALSE;
    if (*ret_changed)
        PetscCall(VecScale(y, nw->pb->p->max_update / nw->change));
    PetscFunctionReturn(0);
}

/* Potentials are what must stand still, not residuals, whose sizes say little. */
static PetscErrorCode is_converged(SNES snes, PetscInt it, PetscReal xnorm, PetscReal ynorm,
                                   PetscReal fnorm, SNESConvergedReason *reason, void *ctx)
{
    const struct newton *nw = ctx;

    PetscFunctionBeginUser;
    (void)snes;
    (void)xnorm;
    (void)ynorm;
    *reason = SNES_CONVERGED_ITERATING;
    if (!nw->is_solved)
        *reason = SNES_DIVERGED_LINEAR_SOLVE;
    else if (!isfinite(fnorm) || !isfinite(nw->change))
        *reason = SNES_DIVERGED_FNORM_NAN;
    else if (it > 0 && fmax(nw->change, nw->lag) <= nw->tol)
        *reason = SNES_CONVERGED_SNORM_RELATIVE;
    PetscFunctionReturn(0);
}

static PetscErrorCode make_snes(struct newton *nw, SNES *ret)
{
    struct problem *pb = nw->pb;
    SNESLineSearch search;
    KSP ksp;
    PC pc;

    PetscFunctionBeginUser;
    PetscCall(SNESCreate(pb->d.comm, ret));
    PetscCall(SNESSetOptionsPrefix(*ret, "full_"));
    PetscCall(SNESSetFunction(*ret, NULL, form_function, nw));
    PetscCall(SNESSetJacobian(*ret, pb->full.mat, pb->full.mat, form_jacobian, nw));
    PetscCall(SNESSetConvergenceTest(*ret, is_converged, nw, NULL));
    PetscCall(SNESSetTolerances(*ret, 0, 0, 0, pb->p->max_newton, PETSC_MAX_INT));
    PetscCall(SNESGetLineSearch(*ret, &search));
    PetscCall(SNESLineSearchSetType(search, SNESLINESEARCHBASIC));
    PetscCall(SNESLineSearchSetPreCheck(search, limit, nw));
    PetscCall(SNESGetKSP(*ret, &ksp));
    PetscCall(KSPSetOptionsPrefix(ksp, "full_outer_")); /* "full_" is the solver's below */
    PetscCall(KSPSetType(ksp, KSPPREONLY));
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(PCSetType(pc, PCSHELL));
    PetscCall(PCShellSetContext(pc, nw));
    PetscCall(PCShellSetApply(pc, solve_step));
    PetscCall(SNESSetFromOptions(*ret));
    PetscFunctionReturn(0);
}

static PetscErrorCode give(const struct problem *pb, Vec x)
{
    PetscScalar *v;

    PetscFunctionBeginUser;
    PetscCall(VecGetArrayWrite(x, &v));
    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        v[3 * i] = pb->psi[i];
        v[3 * i + 1] = pb->w[i];
        v[3 * i + 2] = pb->phi[i];
    }
    PetscCall(VecRestoreArrayWrite(x, &v));
    PetscFunctionReturn(0);
}

PetscErrorCode newton_solve(struct problem *pb, double tol, int *ret_its, double *ret_change,
                            int *ret_ok)
{
    struct newton nw = {.pb = pb, .tol = tol, .change = 0, .is_solved = 1};
    SNESConvergedReason reason;
    PetscInt its;
    SNES snes;
    Vec x;

    PetscFunctionBeginUser;
    if (!pb->full.pt)
        PetscCall(linear_new(&pb->pattern, &pb->g, 3, "full_", 0, pb->p, &pb->full));
    PetscCall(PetscMalloc1(pb->d.n_own, &nw.scale));
    PetscCall(MatCreateVecs(pb->full.mat, &x, NULL));
    PetscCall(give(pb, x));
    PetscCall(make_snes(&nw, &snes));
    PetscCall(SNESSolve(snes, NULL, x));
    PetscCall(SNESGetConvergedReason(snes, &reason));
    PetscCall(SNESGetIterationNumber(snes, &its));
    PetscCall(take(pb, x));
    *ret_its = (int)its;
    *ret_change = its > 0 ? fmax(nw.change, nw.lag) : INFINITY;
    *ret_ok = reason > 0;
    PetscCall(SNESDestroy(&snes));
    PetscCall(VecDestroy(&x));
    PetscCall(PetscFree(nw.scale));
    PetscFunctionReturn(0);
}
