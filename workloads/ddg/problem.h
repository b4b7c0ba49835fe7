// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_PROBLEM_H
#define DDG_PROBLEM_H

#include "kernels.h"
#include "linear.h"
#include "notes.h"

/* Time spent in the parts of a run, s (this rank). */
struct timing {
    double setup, exponentials, fluxes, assembly, mobility, output;
};

/* The device with its state. Nodal arrays have n_local entries, densities are in DENSITY_SCALE.
 * The state is kept consistent: Lam = psi - phi - vt (2 w + ln(DENSITY_SCALE/n_i)), n = exp(2 w).
 */
struct problem {
    const struct params *p;
    const struct kernels *kern;
    struct model md;
    struct domain d;
    struct graph g;
    struct pattern pattern;     /* of all matrices */
    double length;              /* extent of the mesh along x, nm */
    double *doping;             /* net, DENSITY_SCALE */
    double *psi, *w, *phi;      /* V, ln sqrt(n / DENSITY_SCALE), V */
    double *density, *r;        /* exp(2 w), exp(-phi / vt) */
    double *holes, *root, *rel; /* p, sqrt n, and work space */
    double *mobile;             /* per edge: mobility x silicon coupling, cm^2/Vs nm */
    double *flux, *matrix;      /* per edge, of the last continuity solve */
    double *tet_mu;             /* low-field mobility per tetrahedron, NULL when constant */
    struct mobility_tet
        *mobility_tet; /* silicon tetrahedra, where the mobility follows the field */
    PetscInt n_mobility_tets;
    unsigned char *fix_psi;  /* psi is given at the node */
    unsigned char *fix_n;    /* electrons are given, or there is no silicon */
    double volts[CONTACTS];  /* present contact voltages, V */
    double body_doping;      /* net doping under the gate that flat band counts from, cm^-3 */
    const double *source[3]; /* right sides of manufactured solutions, owned nodes; NULL */
    struct linear pair, poisson, gradient, electrons, full;
    PetscInt newton_its;
    double dopants; /* random dopants placed, of the meshed part */
    struct timing time;
    struct notes notes; /* what was warned of */
};

/* Takes over the mesh (freed before the big arrays are made). Collective. */
PetscErrorCode problem_new(MPI_Comm comm, const struct params *p, struct mesh *m,
                           const struct kernels *kern, struct problem *ret);
PetscErrorCode problem_free(struct problem *pb);
/* What all linear solvers have done so far. */
struct work {
    PetscInt iterations, factors, rescues;
    double seconds;
};
void problem_work(const struct problem *pb, struct work *ret);
/* Neutral start at zero bias. */
PetscErrorCode problem_start(struct problem *pb);
/* Sets contact voltages and the values that they fix. */
PetscErrorCode problem_bias(struct problem *pb, double vs, double vd, double vg);
/* Quantum correction of an owned or ghost node, V. */
double problem_lambda(const struct problem *pb, PetscInt i);

/* doping_nodes.c: doping of all nodes, analytic or drawn; needs the mesh still. */
PetscErrorCode doping_place(struct problem *pb, const struct mesh *m);

/* potential.c */
enum potential_part { POTENTIAL_PAIR, POTENTIAL_POISSON, POTENTIAL_GRADIENT };
/* Newton for psi and w at fixed phi (pair), psi at fixed phi and Lam (Poisson), or w at fixed psi
 * and phi (gradient), until the update is under `tol` (V). ret_ok 0: not converged. ret_change: the
 * whole change of the potentials, V. Collective. */
PetscErrorCode potential_solve(struct problem *pb, enum potential_part part, double tol,
                               double *ret_change, int *ret_ok);

/* Residual of Poisson's equation at a node; ret_sum: its couplings, the diagonal without carriers.
 */
double potential_poisson(const struct problem *pb, PetscInt i, double *ret_sum);
/* Residual of the density gradient at a node; ret_diag: its derivative with w. */
double potential_gradient(const struct problem *pb, PetscInt i, double *ret_diag);

/* density.c */
/* Linear continuity at fixed psi - Lam, solved to `rtol` of its correction: updates phi and w.
 * ret_change: largest |delta phi|, V. */
PetscErrorCode density_solve(struct problem *pb, double rtol, double *ret_change, int *ret_ok);
/* Fluxes of the present state into pb->flux. */
PetscErrorCode density_flux(struct problem *pb);
/* Moves phi and psi along with a change of contact voltages (V, per contact), weighted by
 * conductance. */
PetscErrorCode density_predict(struct problem *pb, const double *delta);
/* Terminal currents into the device, A, whole device; indexed by contact. */
PetscErrorCode density_currents(struct problem *pb, double *ret);
/* Net recombination of a node in units of the fluxes, and its growth with ln n: the part that keeps
 * the linear continuity an M-matrix. */
double density_recombination(const struct problem *pb, PetscInt i, double *ret_slope);
/* Its derivatives with ln n and with psi, 1/V, whole. */
void density_recombination_slopes(const struct problem *pb, PetscInt i, double *ret_by_n,
                                  double *ret_by_psi);

/* mobility.c */
PetscErrorCode mobility_setup(struct problem *pb);
/* Field-dependent part, at the present state; between density_solve()s. ret_change: the largest
 * relative change of an edge's mobility in thermal voltages, V. */
PetscErrorCode mobility_update(struct problem *pb, double *ret_change);
/* The same, all of the way. */
PetscErrorCode mobility_set(struct problem *pb, double *ret_change);
/* Is the mobility one that changes with the state? */
int mobility_is_field_dependent(const struct params *p);

/* newton.c */
/* Full Newton on {psi, w, phi}. ret_its: iterations done. */
PetscErrorCode newton_solve(struct problem *pb, double tol, int *ret_its, double *ret_change,
                            int *ret_ok);

#endif
