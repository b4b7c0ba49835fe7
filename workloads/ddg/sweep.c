// SPDX-License-Identifier: LGPL-2.1-or-later
// The bias loop: continuation, and what is tried when a bias does not converge.
#include "sweep.h"

#include "output.h"

#include <math.h>
#include <string.h>

struct state {
    double *psi, *w, *phi, volts[CONTACTS];
};

static PetscErrorCode state_new(const struct problem *pb, struct state *ret)
{
    PetscInt n = pb->d.n_local;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc3(n, &ret->psi, n, &ret->w, n, &ret->phi));
    PetscFunctionReturn(0);
}

static PetscErrorCode state_free(struct state *s)
{
    PetscFunctionBeginUser;
    PetscCall(PetscFree3(s->psi, s->w, s->phi));
    PetscFunctionReturn(0);
}

static void state_save(const struct problem *pb, struct state *s)
{
    size_t size = (size_t)pb->d.n_local * sizeof(double);

    memcpy(s->psi, pb->psi, size);
    memcpy(s->w, pb->w, size);
    memcpy(s->phi, pb->phi, size);
    memcpy(s->volts, pb->volts, sizeof(s->volts));
}

static void state_restore(struct problem *pb, const struct state *s)
{
    size_t size = (size_t)pb->d.n_local * sizeof(double);

    memcpy(pb->psi, s->psi, size);
    memcpy(pb->w, s->w, size);
    memcpy(pb->phi, s->phi, size);
    memcpy(pb->volts, s->volts, sizeof(s->volts));
}

static PetscErrorCode attempt(struct problem *pb, double vd, double vg, enum means means,
                              struct outcome *out)
{
    double delta[CONTACTS] = {0};

    PetscFunctionBeginUser;
    delta[CONTACT_SOURCE] = pb->p->vs - pb->volts[CONTACT_SOURCE];
    delta[CONTACT_DRAIN] = vd - pb->volts[CONTACT_DRAIN];
    if (delta[CONTACT_SOURCE] != 0 || delta[CONTACT_DRAIN] != 0)
        PetscCall(density_predict(pb, delta));
    PetscCall(problem_bias(pb, vd, vg));
    PetscCall(gummel_solve(pb, means, out));
    PetscFunctionReturn(0);
}

/* The means in turn at one bias; the state is only changed by success. */
static PetscErrorCode attempts(struct problem *pb, const struct state *from, double vd, double vg,
                               int all, struct outcome *out)
{
    int spent = 0;

    PetscFunctionBeginUser;
    for (int m = MEANS_METHOD; m <= (all ? MEANS_PLAIN : MEANS_NEWTON); m++) {
        state_restore(pb, from);
        PetscCall(attempt(pb, vd, vg, (enum means)m, out));
        out->iterations += spent;
        spent = out->iterations;
        if (out->ok)
            break;
    }
    PetscFunctionReturn(0);
}

/* Goes from the present bias to (vd, vg), in smaller steps where it must. */
static PetscErrorCode go(struct problem *pb, double vd, double vg, struct bias_point *point,
                         struct outcome *out)
{
    double from_vd = pb->volts[CONTACT_DRAIN], from_vg = pb->volts[CONTACT_GATE], at = 0, step = 1;
    double way = fmax(fabs(vd - from_vd), fabs(vg - from_vg));
    struct state good;

    PetscFunctionBeginUser;
    PetscCall(state_new(pb, &good));
    state_save(pb, &good);
    for (;;) {
        double to = fmin(1, at + step);
        int smallest = step * way <= pb->p->min_step;

        PetscCall(attempts(pb, &good, from_vd + to * (vd - from_vd), from_vg + to * (vg - from_vg),
                           smallest, out));
        point->iterations += out->iterations;
        point->steps++;
        if (!out->ok && smallest)
            break;
        step = out->ok ? 2 * step : 0.5 * step;
        if (!out->ok)
            continue;
        state_save(pb, &good);
        at = to;
        if (at >= 1)
            break;
    }
    if (!out->ok)
        state_restore(pb, &good);
    PetscCall(state_free(&good));
    PetscFunctionReturn(0);
}

/* From neutral to a first Poisson solution, so that the predictor has a conductance to go by. */
static PetscErrorCode begin(struct problem *pb)
{
    double change;
    int ok;

    PetscFunctionBeginUser;
    PetscCall(problem_start(pb));
    PetscCall(problem_bias(pb, 0, pb->p->vg.v[0]));
    pb->volts[CONTACT_SOURCE] = 0;
    for (PetscInt i = 0; i < pb->d.n_local; i++)
        if (pb->d.contact[i] == CONTACT_SOURCE) {
            pb->psi[i] -= pb->p->vs;
            pb->phi[i] = 0;
        }
    if (pb->p->method != METHOD_DECOUPLED)
        PetscCall(potential_solve(pb, POTENTIAL_PAIR, 1e-3, &change, &ok));
    else
        PetscCall(potential_solve(pb, POTENTIAL_POISSON, 1e-3, &change, &ok));
    PetscFunctionReturn(0);
}

static void describe(const struct problem *pb, double vd, double vg, const struct outcome *out,
                     struct sweep *s)
{
    s->failed = 1;
    snprintf(s->failure, sizeof(s->failure),
             "no convergence at VD = %g V, VG = %g V: last change %.2e V (wanted %.0e) after %d "
             "iterations; tried full Newton, steps down to %g V, no acceleration%s; solved up to "
             "VD = %g V, VG "
             "= %g V",
             vd, vg, out->change, pb->p->tolerance, out->iterations, pb->p->min_step,
             pb->g.negative > 0 ? "; the mesh has edges of negative coupling, mesh it as Delaunay"
                                : "",
             pb->volts[CONTACT_DRAIN], pb->volts[CONTACT_GATE]);
}

static PetscErrorCode solve_point(struct problem *pb, double vd, double vg, struct sweep *s)
{
    struct bias_point *point = &s->point[s->n];
    struct outcome out = {0};
    double start = MPI_Wtime();

    PetscFunctionBeginUser;
    memset(point, 0, sizeof(*point));
    point->vd = vd;
    point->vg = vg;
    PetscCall(go(pb, vd, vg, point, &out));
    if (!out.ok) {
        describe(pb, vd, vg, &out, s);
        PetscFunctionReturn(0);
    }
    PetscCall(density_currents(pb, point->current));
    PetscCall(integrals_compute(pb, point));
    point->seconds = MPI_Wtime() - start;
    s->seconds += point->seconds;
    s->n++;
    PetscCall(output_point(pb, point, &out));
    PetscFunctionReturn(0);
}

PetscErrorCode sweep_run(struct problem *pb, struct sweep *ret)
{
    const struct params *p = pb->p;
    struct state first;
    double start = MPI_Wtime();

    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    PetscCall(PetscMalloc1((size_t)p->vd.n * (size_t)p->vg.n, &ret->point));
    PetscCall(state_new(pb, &first));
    if (p->restart[0])
        PetscCall(output_restart(pb));
    else
        PetscCall(begin(pb));
    ret->seconds = MPI_Wtime() - start;
    for (int a = 0; a < p->vd.n && !ret->failed; a++)
        for (int b = 0; b < p->vg.n && !ret->failed; b++) {
            if (b == 0 && a > 0)
                state_restore(pb, &first);
            PetscCall(solve_point(pb, p->vd.v[a], p->vg.v[b], ret));
            if (b == 0)
                state_save(pb, &first);
        }
    if (p->save[0] && ret->n)
        PetscCall(output_save(pb));
    PetscCall(state_free(&first));
    PetscFunctionReturn(0);
}

PetscErrorCode sweep_free(struct sweep *s)
{
    PetscFunctionBeginUser;
    PetscCall(PetscFree(s->point));
    PetscFunctionReturn(0);
}
