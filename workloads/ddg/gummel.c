// SPDX-License-Identifier: LGPL-2.1-or-later
// The outer loop. The fixed-point unknown is phi_n; Lam is kept when acceleration moves it. In the
// decoupled variant Lam belongs to the unknown too, since Poisson sees the Lam of the step before.
#include "gummel.h"

#include "anderson.h"

#include <math.h>
#include <string.h>

/* Both parts of the fixed-point unknown: phi, and for the decoupled variant Lam. */
static void pack(const struct problem *pb, double *x)
{
    PetscInt n = pb->d.n_own;

    for (PetscInt i = 0; i < n; i++)
        x[i] = pb->fix_n[i] ? 0 : pb->phi[i];
    for (PetscInt i = 0; i < n && pb->p->method == METHOD_DECOUPLED; i++)
        x[n + i] = pb->fix_n[i] ? 0 : problem_lambda(pb, i);
}

static PetscErrorCode unpack(struct problem *pb, const double *x)
{
    PetscInt n = pb->d.n_own;

    PetscFunctionBeginUser;
    for (PetscInt i = 0; i < n; i++) {
        double lambda;

        if (pb->fix_n[i])
            continue;
        lambda = pb->p->method == METHOD_DECOUPLED ? x[n + i] : problem_lambda(pb, i);
        pb->phi[i] = x[i];
        pb->w[i] = 0.5 * ((pb->psi[i] - x[i] - lambda) / pb->md.vt - pb->md.log_ns_ni);
    }
    PetscCall(domain_update(&pb->d, pb->phi));
    PetscCall(domain_update(&pb->d, pb->w));
    PetscFunctionReturn(0);
}

static double distance(const struct problem *pb, const double *x, const double *y, PetscInt n)
{
    double most = 0;

    for (PetscInt i = 0; i < n; i++)
        most = fmax(most, fabs(x[i] - y[i]));
    return domain_max(&pb->d, most);
}

/* The potentials at the present phi. Far from the solution they need not be exact. */
static PetscErrorCode potentials(struct problem *pb, double tol, double *ret_change, int *ret_ok)
{
    double second = 0;

    PetscFunctionBeginUser;
    if (pb->p->method != METHOD_DECOUPLED) {
        PetscCall(potential_solve(pb, POTENTIAL_PAIR, tol, ret_change, ret_ok));
        PetscFunctionReturn(0);
    }
    PetscCall(potential_solve(pb, POTENTIAL_POISSON, tol, ret_change, ret_ok));
    if (*ret_ok)
        PetscCall(potential_solve(pb, POTENTIAL_GRADIENT, tol, &second, ret_ok));
    *ret_change = fmax(*ret_change, second);
    PetscFunctionReturn(0);
}

/* Other quasi-Fermi levels at the same psi - Lam. */
static PetscErrorCode shift(struct problem *pb, const double *phi)
{
    PetscFunctionBeginUser;
    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        if (pb->fix_n[i])
            continue;
        pb->w[i] += (pb->phi[i] - phi[i]) / (2 * pb->md.vt);
        pb->phi[i] = phi[i];
    }
    PetscCall(domain_update(&pb->d, pb->phi));
    PetscCall(domain_update(&pb->d, pb->w));
    PetscFunctionReturn(0);
}

/* Continuity; with field-dependent mobilities both in turn, `turns` times or until they agree:
 * either way the outer iteration sees a map without memory (which its acceleration needs). Where
 * carriers are at saturation speed lagged mobilities swing about the solution; acceleration stops
 * that sooner than relaxation. */
static PetscErrorCode continuity(struct problem *pb, int turns, double tol, double *ret_change,
                                 int *ret_ok)
{
    const int depth = 2;
    const double finer = 0.5; /* than the potentials: it is cheap, and what is acceleration's map */
    PetscInt n = pb->d.n_own;
    struct anderson an;
    double change = INFINITY, lag = 0, *x, *g;

    PetscFunctionBeginUser;
    *ret_change = 0;
    if (!mobility_is_field_dependent(pb->p)) {
        PetscCall(density_solve(pb, finer * pb->p->linear_rtol, ret_change, ret_ok));
        PetscFunctionReturn(0);
    }
    PetscCall(PetscMalloc2(n, &x, n, &g));
    PetscCall(anderson_new(&pb->d, n, depth, &an));
    for (int it = 0; it < turns && *ret_ok; it++) {
        PetscCall(PetscArraycpy(x, pb->phi, n));
        PetscCall(mobility_set(pb, &lag));
        PetscCall(density_solve(pb, pb->p->linear_rtol, &change, ret_ok));
        *ret_change = fmax(*ret_change, change);
        if (fmax(change, lag) <= tol)
            break;
        PetscCall(PetscArraycpy(g, pb->phi, n));
        PetscCall(anderson_mix(&an, x, g));
        PetscCall(shift(pb, g));
    }
    PetscCall(anderson_free(&an));
    PetscCall(PetscFree2(x, g));
    *ret_change = fmax(*ret_change, lag);
    PetscFunctionReturn(0);
}

/* One pass: potentials, which one Newton step mostly does, mobility, continuity. */
static PetscErrorCode pass(struct problem *pb, int turns, double tol, double *ret_change,
                           int *ret_ok)
{
    double first, second = 0;

    PetscFunctionBeginUser;
    PetscCall(potentials(pb, fmin(1e-2, 4 * tol), &first, ret_ok));
    if (*ret_ok)
        PetscCall(continuity(pb, turns, tol, &second, ret_ok));
    *ret_change = fmax(first, second);
    PetscFunctionReturn(0);
}

static PetscErrorCode iterate(struct problem *pb, struct anderson *an, double tol, double *x,
                              double *g, struct outcome *out)
{
    const int stalled = 40;       /* iterations without halving the change */
    const int few = 2, many = 30; /* turns of continuity and mobility in each */
    const int slow = 6;           /* iterations without halving: many, and a new history */
    const struct params *p = pb->p;
    PetscInt n = an->n;
    double inner = 1e-2, change = INFINITY, best = INFINITY, last;
    int since = 0, turns = mobility_is_field_dependent(p) ? few : many;

    PetscFunctionBeginUser;
    out->ok = 1;
    while (out->ok && change > tol && out->iterations < p->max_gummel) {
        pack(pb, x);
        PetscCall(pass(pb, turns, inner, &change, &out->ok));
        out->iterations++;
        pack(pb, g);
        change = fmax(change, distance(pb, x, g, n));
        out->change = change;
        inner = fmin(1e-2, fmax(0.02 * change, 0.1 * tol));
        if (!out->ok || change <= tol)
            break;
        since = change < 0.5 * best ? 0 : since + 1;
        best = since ? best : change;
        out->ok = since < stalled;
        if (since && since % slow == 0) { /* the history is the noise of loose linear solves */
            turns = many;
            anderson_reset(an);
        }
        PetscCall(anderson_mix(an, x, g));
        PetscCall(unpack(pb, g));
    }
    out->ok = out->ok && change <= tol;
    if (out->ok)
        PetscCall(density_solve(pb, 1e-8, &last, &out->ok)); /* exact balance of the currents */
    PetscFunctionReturn(0);
}

/* Runs the fixed point down to `tol` with the given depth of acceleration. */
static PetscErrorCode run(struct problem *pb, int depth, double tol, struct outcome *out)
{
    PetscInt n = pb->d.n_own * (pb->p->method == METHOD_DECOUPLED ? 2 : 1);
    struct anderson an;
    double *x, *g;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc2(n, &x, n, &g));
    PetscCall(anderson_new(&pb->d, n, depth, &an));
    PetscCall(iterate(pb, &an, tol, x, g, out));
    PetscCall(anderson_free(&an));
    PetscCall(PetscFree2(x, g));
    PetscFunctionReturn(0);
}

static PetscErrorCode newton(struct problem *pb, struct outcome *out)
{
    int its;

    PetscFunctionBeginUser;
    PetscCall(newton_solve(pb, pb->p->tolerance, &its, &out->change, &out->ok));
    out->iterations += its;
    PetscFunctionReturn(0);
}

PetscErrorCode gummel_solve(struct problem *pb, enum means means, struct outcome *ret)
{
    const double near = 0.02; /* V: from here full Newton converges */

    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    if (means == MEANS_PLAIN)
        PetscCall(run(pb, 0, pb->p->tolerance, ret));
    else if (means == MEANS_NEWTON || pb->p->method == METHOD_NEWTON) {
        PetscCall(run(pb, pb->p->anderson, near, ret));
        if (ret->ok)
            PetscCall(newton(pb, ret));
    } else
        PetscCall(run(pb, pb->p->anderson, pb->p->tolerance, ret));
    PetscFunctionReturn(0);
}
