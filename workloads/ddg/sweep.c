// SPDX-License-Identifier: LGPL-2.1-or-later
// The bias loop: continuation, and what is tried when a bias does not converge.
#include "sweep.h"

#include "output.h"

#include <math.h>
#include <string.h>
#include <time.h>

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

/* What a bias is: contact voltages, V. */
struct voltages {
    double vs, vd, vg;
};

static struct voltages present(const struct problem *pb)
{
    const double *v = pb->volts;

    return (struct voltages){v[CONTACT_SOURCE], v[CONTACT_DRAIN], v[CONTACT_GATE]};
}

static struct voltages between(const struct voltages *a, const struct voltages *b, double share)
{
    double rest = 1 - share;

    return (struct voltages){rest * a->vs + share * b->vs, rest * a->vd + share * b->vd,
                             rest * a->vg + share * b->vg};
}

static PetscErrorCode attempt(struct problem *pb, const struct voltages *to, enum means means,
                              struct outcome *out)
{
    double delta[CONTACTS] = {0};

    PetscFunctionBeginUser;
    delta[CONTACT_SOURCE] = to->vs - pb->volts[CONTACT_SOURCE];
    delta[CONTACT_DRAIN] = to->vd - pb->volts[CONTACT_DRAIN];
    if (delta[CONTACT_SOURCE] != 0 || delta[CONTACT_DRAIN] != 0)
        PetscCall(density_predict(pb, delta));
    PetscCall(problem_bias(pb, to->vs, to->vd, to->vg));
    PetscCall(gummel_solve(pb, means, out));
    PetscFunctionReturn(0);
}

/* The means in turn at one bias; the state is only changed by success. */
static PetscErrorCode attempts(struct problem *pb, const struct state *from,
                               const struct voltages *to, int all, struct outcome *out)
{
    int spent = 0;

    PetscFunctionBeginUser;
    for (int m = MEANS_METHOD; m <= (all ? MEANS_PLAIN : MEANS_NEWTON); m++) {
        state_restore(pb, from);
        PetscCall(attempt(pb, to, (enum means)m, out));
        out->iterations += spent;
        spent = out->iterations;
        if (out->ok)
            break;
    }
    PetscFunctionReturn(0);
}

/* Goes from the present bias to another, in smaller steps where it must. */
static PetscErrorCode go(struct problem *pb, const struct voltages *target,
                         struct bias_point *point, struct outcome *out, struct sweep *s)
{
    struct voltages from = present(pb);
    double way = fmax(fabs(target->vs - from.vs),
                      fmax(fabs(target->vd - from.vd), fabs(target->vg - from.vg)));
    double at = 0, step = 1;
    struct state good;

    PetscFunctionBeginUser;
    PetscCall(state_new(pb, &good));
    state_save(pb, &good);
    for (;;) {
        double share = fmin(1, at + step);
        struct voltages to = between(&from, target, share);
        int smallest = step * way <= pb->p->min_step;

        PetscCall(attempts(pb, &good, &to, smallest, out));
        point->iterations += out->iterations;
        point->steps++;
        if (!out->ok && smallest)
            break;
        step = out->ok ? 2 * step : 0.5 * step;
        if (!out->ok)
            continue;
        state_save(pb, &good);
        s->is_any_solved = 1;
        at = share;
        if (at >= 1)
            break;
    }
    if (!out->ok)
        state_restore(pb, &good);
    PetscCall(state_free(&good));
    PetscFunctionReturn(0);
}

/* Equilibrium at a gate voltage, from neutral: the predictor has a conductance to go by. */
static PetscErrorCode equilibrium(struct problem *pb, double vg, double *ret_change, int *ret_ok)
{
    PetscFunctionBeginUser;
    PetscCall(problem_start(pb));
    PetscCall(problem_bias(pb, 0, 0, vg));
    if (pb->p->method != METHOD_DECOUPLED)
        PetscCall(potential_solve(pb, POTENTIAL_PAIR, 1e-2, ret_change, ret_ok));
    else
        PetscCall(potential_solve(pb, POTENTIAL_POISSON, 1e-2, ret_change, ret_ok));
    PetscFunctionReturn(0);
}

/* The first bias starts from equilibrium at its own gate voltage, which is nearest. Where that
 * leads nowhere, it starts with the gate at 0 V, and the gate is ramped like the drain. */
static PetscErrorCode go_first(struct problem *pb, const struct voltages *to,
                               struct bias_point *point, struct outcome *out, struct sweep *s)
{
    const double gates[] = {to->vg, 0};

    PetscFunctionBeginUser;
    for (int i = 0; i < 2 && !out->ok; i++) {
        int ok;

        s->is_any_solved = 0;
        PetscCall(equilibrium(pb, gates[i], &out->change, &ok));
        if (ok || i == 1)
            PetscCall(go(pb, to, point, out, s));
    }
    PetscFunctionReturn(0);
}

static void describe(const struct problem *pb, double vd, double vg, const struct outcome *out,
                     struct sweep *s)
{
    int used = snprintf(
        s->failure, sizeof(s->failure),
        "no convergence at VD = %g V, VG = %g V: last change %.2e V (wanted %.0e) after %d "
        "iterations; tried full Newton, steps down to %g V, no acceleration%s; ",
        vd, vg, out->change, pb->p->tolerance, out->iterations, pb->p->min_step,
        pb->g.negative > 0 ? "; the mesh has edges of negative coupling, mesh it as Delaunay" : "");

    s->failed = 1;
    if (s->is_any_solved)
        snprintf(s->failure + used, sizeof(s->failure) - (size_t)used,
                 "solved up to VD = %g V, VG = %g V", pb->volts[CONTACT_DRAIN],
                 pb->volts[CONTACT_GATE]);
    else
        snprintf(s->failure + used, sizeof(s->failure) - (size_t)used,
                 "nothing was solved before it; start from a bias nearer to 0 V");
}

/* A depletion layer that the body contact cuts off is another device: thresholds come out wrong. */
static void check_body(struct problem *pb, const struct bias_point *point, struct sweep *s)
{
    if (s->is_body_reached || point->body_drop < 1)
        return;
    s->is_body_reached = 1;
    notes_add(&pb->notes,
              "mos: at VG = %g V the depletion layer reaches the body contact, %g nm deep; "
              "thresholds are wrong until 'height' is larger",
              point->vg, pb->p->height);
    if (pb->d.rank == 0)
        notes_tell(&pb->notes);
}

/* CPU time of this rank so far, s. */
static double cpu_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static PetscErrorCode solve_point(struct problem *pb, double vd, double vg, struct sweep *s)
{
    struct bias_point *point = &s->point[s->n];
    const struct voltages to = {pb->p->vs, vd, vg};
    struct outcome out = {0};
    double start = MPI_Wtime(), cpu = cpu_now();
    struct work before, after;

    PetscFunctionBeginUser;
    memset(point, 0, sizeof(*point));
    point->vd = vd;
    point->vg = vg;
    problem_work(pb, &before);
    if (s->is_any_solved)
        PetscCall(go(pb, &to, point, &out, s));
    else
        PetscCall(go_first(pb, &to, point, &out, s));
    problem_work(pb, &after);
    point->rescues = (int)(after.rescues - before.rescues);
    if (!out.ok) {
        describe(pb, vd, vg, &out, s);
        PetscFunctionReturn(0);
    }
    PetscCall(density_currents(pb, point->current));
    PetscCall(integrals_compute(pb, point));
    check_body(pb, point, s);
    point->seconds = MPI_Wtime() - start;
    s->seconds += point->seconds;
    s->cpu += cpu_now() - cpu;
    s->n++;
    PetscCall(output_point(pb, point, &out));
    PetscFunctionReturn(0);
}

PetscErrorCode sweep_run(struct problem *pb, struct sweep *ret)
{
    const struct params *p = pb->p;
    struct state first;

    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    PetscCall(PetscMalloc1((size_t)p->vd.n * (size_t)p->vg.n, &ret->point));
    PetscCall(state_new(pb, &first));
    ret->is_any_solved = p->restart[0] != 0;
    if (p->restart[0])
        PetscCall(output_restart(pb));
    for (int a = 0; a < p->vd.n && !ret->failed; a++)
        for (int b = 0; b < p->vg.n && !ret->failed; b++) {
            if (b == 0 && a > 0)
                state_restore(pb, &first);
            PetscCall(solve_point(pb, p->vd.v[a], p->vg.v[b], ret));
            if (b == 0)
                state_save(pb, &first);
        }
    ret->cpu = domain_sum(&pb->d, ret->cpu);
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
