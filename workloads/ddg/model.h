// SPDX-License-Identifier: LGPL-2.1-or-later
// Constants of the model in the program's units: nm, V, cm^-3, A.
#ifndef DDG_MODEL_H
#define DDG_MODEL_H

#include "mesh.h"

/* CODATA 2018, SI. */
#define PHYS_CHARGE 1.602176634e-19
#define PHYS_BOLTZ  1.380649e-23
#define PHYS_HBAR   1.054571817e-34
#define PHYS_MASS   9.1093837015e-31
#define PHYS_EPS0   8.8541878128e-12

/* Density that scales the unknown w = ln sqrt(n / DENSITY_SCALE). */
#define DENSITY_SCALE 1e19

struct model {
    double vt;        /* thermal voltage, V */
    double ni;        /* intrinsic density / DENSITY_SCALE */
    double log_ns_ni; /* ln(DENSITY_SCALE / n_i) */
    double charge;    /* q DENSITY_SCALE / eps_0, V nm / nm^3 */
    double b[3];      /* density-gradient coefficient along x, y, z, V nm^2; 0 when classical */
    double robin;     /* b d_n(sqrt n) = -robin sqrt n at Si/SiO2, V nm */
    double eps[2];    /* relative permittivity per region */
    double current;   /* A per unit of mobility-weighted flux (cm^2/Vs nm DENSITY_SCALE) */
};

void model_init(struct model *md, const struct params *p);
/* Potential of a neutral silicon node of that net doping (cm^-3) at 0 V, V. */
double model_neutral(const struct model *md, double doping);
/* Electron density of such a node / DENSITY_SCALE. */
double model_neutral_density(const struct model *md, double doping);
/* Potential at the gate metal's face for gate voltage vg; `body` is the net doping under it. */
double model_gate(const struct model *md, const struct params *p, double vg, double body);

/* doping.c: analytic net doping at a point (nm), cm^-3. */
double doping_at(const struct params *p, const double *xyz, double length);

#endif
