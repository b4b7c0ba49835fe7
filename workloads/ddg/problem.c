// SPDX-License-Identifier: LGPL-2.1-or-later
#include "problem.h"

#include <float.h>
#include <math.h>
#include <string.h>

static PetscErrorCode alloc_arrays(struct problem *pb)
{
    PetscInt n = pb->d.n_local, e = pb->g.n_edges;

    PetscFunctionBeginUser;
    PetscCall(PetscCalloc3(n, &pb->psi, n, &pb->w, n, &pb->phi));
    PetscCall(PetscCalloc5(n, &pb->density, n, &pb->r, n, &pb->holes, n, &pb->root, n, &pb->rel));
    PetscCall(PetscCalloc3(e, &pb->mobile, e, &pb->flux, e, &pb->matrix));
    PetscCall(PetscMalloc2(n, &pb->fix_psi, n, &pb->fix_n));
    for (PetscInt i = 0; i < n; i++) {
        int c = pb->d.contact[i];

        pb->fix_psi[i] = c != CONTACT_NONE;
        pb->fix_n[i] = !pb->d.silicon[i] || (c != CONTACT_NONE && c != CONTACT_GATE);
    }
    PetscFunctionReturn(0);
}

static PetscErrorCode make_solvers(struct problem *pb)
{
    const struct params *p = pb->p;
    const struct pattern *pt = &pb->pattern;
    int is_symmetric = pb->g.negative == 0;

    PetscFunctionBeginUser;
    PetscCall(pattern_new(&pb->d, &pb->g, p->overlap, &pb->pattern));
    if (p->method == METHOD_DECOUPLED) {
        PetscCall(linear_new(pt, &pb->g, 1, "poisson_", 1, p, &pb->poisson));
        PetscCall(linear_new(pt, &pb->g, 1, "gradient_", 0, p, &pb->gradient));
    } else {
        PetscCall(linear_new(pt, &pb->g, 2, "potential_", 0, p, &pb->pair));
    }
    /* with the second level few iterations are left, and overlap counts for more than symmetry */
    PetscCall(linear_new(pt, &pb->g, 1, "density_", is_symmetric && !p->coarse, p, &pb->electrons));
    if (is_symmetric)
        PetscCall(linear_add_coarse(&pb->electrons, pb->fix_n, p->coarse));
    PetscFunctionReturn(0);
}

static double extent(const struct mesh *m)
{
    double lo = DBL_MAX, hi = -DBL_MAX;

    for (int i = 0; i < m->n_nodes; i++) {
        lo = fmin(lo, m->xyz[3 * i]);
        hi = fmax(hi, m->xyz[3 * i]);
    }
    return hi - lo;
}

PetscErrorCode problem_new(MPI_Comm comm, const struct params *p, struct mesh *m,
                           const struct kernels *kern, struct problem *ret)
{
    double start = MPI_Wtime();

    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    ret->p = p;
    ret->kern = kern;
    ret->length = extent(m);
    model_init(&ret->md, p);
    PetscCall(domain_new(comm, m, &ret->d));
    PetscCall(graph_new(&ret->d, p, &ret->md, &ret->g));
    PetscCall(PetscCalloc1(ret->d.n_local, &ret->doping));
    PetscCall(doping_place(ret, m));
    mesh_free(m);
    PetscCall(alloc_arrays(ret));
    PetscCall(mobility_setup(ret));
    PetscCall(make_solvers(ret));
    ret->time.setup = MPI_Wtime() - start;
    PetscFunctionReturn(0);
}

void problem_work(const struct problem *pb, struct work *ret)
{
    const struct linear *l[] = {&pb->pair, &pb->poisson, &pb->gradient, &pb->electrons, &pb->full};

    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < sizeof(l) / sizeof(l[0]); i++) {
        ret->iterations += l[i]->iterations;
        ret->factors += l[i]->factors;
        ret->rescues += l[i]->rescues;
        ret->seconds += l[i]->seconds;
    }
}

PetscErrorCode problem_free(struct problem *pb)
{
    PetscFunctionBeginUser;
    PetscCall(linear_free(&pb->pair));
    PetscCall(linear_free(&pb->poisson));
    PetscCall(linear_free(&pb->gradient));
    PetscCall(linear_free(&pb->electrons));
    PetscCall(linear_free(&pb->full));
    PetscCall(pattern_free(&pb->pattern));
    PetscCall(PetscFree(pb->doping));
    PetscCall(PetscFree3(pb->psi, pb->w, pb->phi));
    PetscCall(PetscFree5(pb->density, pb->r, pb->holes, pb->root, pb->rel));
    PetscCall(PetscFree3(pb->mobile, pb->flux, pb->matrix));
    PetscCall(PetscFree2(pb->fix_psi, pb->fix_n));
    PetscCall(PetscFree(pb->tet_mu));
    PetscCall(PetscFree(pb->mobility_tet));
    PetscCall(graph_free(&pb->g));
    PetscCall(domain_free(&pb->d));
    PetscFunctionReturn(0);
}

PetscErrorCode problem_start(struct problem *pb)
{
    PetscFunctionBeginUser;
    for (PetscInt i = 0; i < pb->d.n_local; i++) {
        double doping = pb->doping[i] * DENSITY_SCALE;

        pb->phi[i] = 0;
        pb->psi[i] = pb->d.silicon[i] ? model_neutral(&pb->md, doping) : 0;
        pb->w[i] = pb->d.silicon[i] ? 0.5 * log(model_neutral_density(&pb->md, doping)) : 0;
    }
    memset(pb->volts, 0, sizeof(pb->volts));
    PetscFunctionReturn(0);
}

PetscErrorCode problem_bias(struct problem *pb, double vs, double vd, double vg)
{
    const double volts[CONTACTS] = {0, vs, vd, vg, 0};

    PetscFunctionBeginUser;
    memcpy(pb->volts, volts, sizeof(volts));
    for (PetscInt i = 0; i < pb->d.n_local; i++) {
        int c = pb->d.contact[i];
        double doping = pb->doping[i] * DENSITY_SCALE;

        if (c == CONTACT_GATE)
            pb->psi[i] = model_gate(&pb->md, pb->p, vg, pb->body_doping);
        if (c == CONTACT_NONE || c == CONTACT_GATE)
            continue;
        pb->psi[i] = volts[c] + model_neutral(&pb->md, doping);
        pb->phi[i] = volts[c];
        if (pb->d.silicon[i])
            pb->w[i] = 0.5 * log(model_neutral_density(&pb->md, doping));
    }
    PetscFunctionReturn(0);
}

double problem_lambda(const struct problem *pb, PetscInt i)
{
    if (!pb->d.silicon[i])
        return 0;
    return pb->psi[i] - pb->phi[i] - pb->md.vt * (2 * pb->w[i] + pb->md.log_ns_ni);
}
