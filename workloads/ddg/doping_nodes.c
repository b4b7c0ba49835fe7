// SPDX-License-Identifier: LGPL-2.1-or-later
// Doping of the nodes: the profile, or discrete donors drawn from it on the silicon lattice.
#include "problem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct dopants {
    double *xyz; /* sorted by x */
    size_t n, room;
};

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same sample on every machine and rank count. */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void add(struct dopants *l, const double *xyz)
{
    if (l->n == l->room) {
        l->room = l->room ? 2 * l->room : 256;
        l->xyz = realloc(l->xyz, 3 * l->room * sizeof(*l->xyz));
        if (!l->xyz)
            abort();
    }
    memcpy(&l->xyz[3 * l->n++], xyz, 3 * sizeof(*xyz));
}

static void bounds(const struct mesh *m, double *lo, double *hi)
{
    for (int a = 0; a < 3; a++) {
        lo[a] = INFINITY;
        hi[a] = -INFINITY;
    }
    for (int i = 0; i < 3 * m->n_nodes; i++) {
        lo[i % 3] = fmin(lo[i % 3], m->xyz[i]);
        hi[i % 3] = fmax(hi[i % 3], m->xyz[i]);
    }
}

/* Rejection on the sites of the diamond lattice (8 atoms in a cell of 0.5431 nm): a site holds a
 * donor with the probability donors / atoms. */
static struct dopants draw(const struct params *p, const struct mesh *m, double length)
{
    static const double site[8][3] = {{0, 0, 0},          {0, 0.5, 0.5},      {0.5, 0, 0.5},
                                      {0.5, 0.5, 0},      {0.25, 0.25, 0.25}, {0.25, 0.75, 0.75},
                                      {0.75, 0.25, 0.75}, {0.75, 0.75, 0.25}};
    const double cell = 0.5431, atoms = 8 / (cell * cell * cell) * 1e21;
    uint64_t state = (uint64_t)p->seed;
    struct dopants l = {NULL, 0, 0};
    double lo[3], hi[3], c[3];

    bounds(m, lo, hi);
    for (c[0] = lo[0]; c[0] < hi[0]; c[0] += cell)
        for (c[1] = lo[1]; c[1] < hi[1]; c[1] += cell)
            for (c[2] = lo[2]; c[2] < hi[2]; c[2] += cell)
                for (int s = 0; s < 8; s++) {
                    double at[3], donors;

                    for (int a = 0; a < 3; a++)
                        at[a] = c[a] + cell * site[s][a];
                    donors = doping_at(p, at, length);
                    if (p->doping == DOPING_GAUSSIAN)
                        donors -= p->channel_doping;
                    if (uniform(&state) < donors / atoms)
                        add(&l, at);
                }
    return l;
}

/* Barycentric coordinates; is the point inside? */
static int locate(const struct mesh *m, const int *t, const double *at, double *ret)
{
    double whole = mesh_volume6(m->xyz, t);
    double nodes[15];
    int inside = 1;

    for (int k = 0; k < 4; k++)
        memcpy(&nodes[3 * k], &m->xyz[3 * t[k]], 3 * sizeof(double));
    memcpy(&nodes[12], at, 3 * sizeof(double));
    for (int k = 0; k < 4; k++) {
        int part[4] = {0, 1, 2, 3};

        part[k] = 4;
        ret[k] = mesh_volume6(nodes, part) / whole;
        inside = inside && ret[k] >= -1e-12;
    }
    return inside;
}

static size_t first_at(const struct dopants *l, double x)
{
    size_t lo = 0, hi = l->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (l->xyz[3 * mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static int compare_point(const void *a, const void *b)
{
    const double *p = a, *q = b;

    return (p[0] > q[0]) - (p[0] < q[0]);
}

/* Cloud in cell: each donor's charge on the four nodes around it. Counts per node of the whole
 * mesh. */
static double assign(const struct mesh *m, const struct dopants *l, double *count)
{
    unsigned char *taken = mesh_calloc(l->n, 1); /* a donor on a face belongs to one side */
    double placed = 0;

    for (int e = 0; e < m->n_tets; e++) {
        const int *t = &m->tet[4 * e];
        double lo = INFINITY, hi = -INFINITY, part[4];

        for (int k = 0; k < 4; k++) {
            lo = fmin(lo, m->xyz[3 * t[k]]);
            hi = fmax(hi, m->xyz[3 * t[k]]);
        }
        for (size_t i = first_at(l, lo); i < l->n && l->xyz[3 * i] <= hi; i++) {
            if (m->region[e] != REGION_SILICON || taken[i] || !locate(m, t, &l->xyz[3 * i], part))
                continue;
            taken[i] = 1;
            placed += 1;
            for (int k = 0; k < 4; k++)
                count[t[k]] += part[k];
        }
    }
    free(taken);
    return placed;
}

static void place_random(struct problem *pb, const struct mesh *m)
{
    struct dopants l = draw(pb->p, m, pb->length);
    double *count = mesh_calloc((size_t)m->n_nodes, sizeof(*count));
    const struct domain *d = &pb->d;
    double rest = pb->p->doping == DOPING_GAUSSIAN ? pb->p->channel_doping : 0;

    if (l.n)
        qsort(l.xyz, l.n, 3 * sizeof(double), compare_point);
    pb->dopants = assign(m, &l, count);
    for (PetscInt i = 0; i < d->n_own; i++)
        if (d->silicon[i] && d->contact[i] == CONTACT_NONE)
            pb->doping[i] = (count[d->natural[i]] / pb->g.volume[i] * 1e21 + rest) / DENSITY_SCALE;
    free(count);
    free(l.xyz);
}

PetscErrorCode doping_place(struct problem *pb, const struct mesh *m)
{
    const struct domain *d = &pb->d;
    const double middle[3] = {pb->length / 2, 0, 0};

    PetscFunctionBeginUser;
    /* an ohmic contact's face may run over oxide: there the doping only says which potential it has
     */
    for (PetscInt i = 0; i < d->n_local; i++)
        if (d->silicon[i] || d->contact[i] != CONTACT_NONE)
            pb->doping[i] = doping_at(pb->p, &d->xyz[3 * i], pb->length) / DENSITY_SCALE;
    pb->body_doping = doping_at(pb->p, middle, pb->length);
    if (pb->p->dopants) /* contacts stay on the profile: they stand for the metal's reservoir */
        place_random(pb, m);
    PetscCall(domain_update(d, pb->doping));
    PetscFunctionReturn(0);
}
