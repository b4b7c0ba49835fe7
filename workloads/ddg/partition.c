// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the mesh is cut. Incomplete factors and additive Schwarz lose what a cut takes from them,
// so it must not go through strong couplings: a graded grid has layers under the oxide that are a
// thousand times thinner than wide, whose couplings across are a million times those along. A
// partitioner that counts edges does not see that. Bisection by coordinates does, when it weighs
// each edge by its coupling relative to those of its ends.
#include "partition.h"

#include "coupling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cutting {
    const struct mesh *m;
    PetscInt *part, *weight;
    double *sum;       /* couplings of each node */
    PetscInt *rank[3]; /* place of each node in the order along each axis */
    double *cost[3];   /* strength of the edges that a cut before that place goes through */
};

struct place {
    double x;
    PetscInt node;
};

static int compare_place(const void *a, const void *b)
{
    const struct place *p = a, *q = b;

    return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->node > q->node) - (p->node < q->node);
}

static void shape_of(const struct mesh *m, int tet, PetscInt t[4], struct tet_shape *ret)
{
    for (int k = 0; k < 4; k++)
        t[k] = m->tet[4 * tet + k];
    coupling_shape(m->xyz, t, SCHEME_FE, ret);
}

/* Work per node: a silicon node has two or three unknowns, an oxide node one. */
static void weigh(struct cutting *c)
{
    const struct mesh *m = c->m;

    for (int i = 0; i < m->n_nodes; i++)
        c->weight[i] = 2;
    for (int e = 0; e < m->n_tets; e++) {
        struct tet_shape s;
        PetscInt t[4];

        shape_of(m, e, t, &s);
        for (int k = 0; k < 4 && m->region[e] == REGION_SILICON; k++)
            c->weight[t[k]] = 3;
        for (int k = 0; k < 12; k++)
            c->sum[t[graph_pair[k % 6][k / 6]]] += fabs(s.coupling[k % 6]);
    }
}

/* What a cut of part `which` before each place would go through, along each axis. */
static void add_costs(struct cutting *c, PetscInt which, PetscInt n)
{
    const struct mesh *m = c->m;

    for (int a = 0; a < 3; a++)
        memset(c->cost[a], 0, (size_t)(n + 1) * sizeof(double));
    for (int e = 0; e < m->n_tets; e++) {
        struct tet_shape s;
        PetscInt t[4];

        if (c->part[m->tet[4 * e]] != which && c->part[m->tet[4 * e + 1]] != which &&
            c->part[m->tet[4 * e + 2]] != which)
            continue;
        shape_of(m, e, t, &s);
        for (int k = 0; k < 6; k++) {
            PetscInt i = t[graph_pair[k][0]], j = t[graph_pair[k][1]];
            double strength = fabs(s.coupling[k]) / sqrt(c->sum[i] * c->sum[j]);

            for (int a = 0; a < 3 && c->part[i] == which && c->part[j] == which; a++) {
                c->cost[a][PetscMin(c->rank[a][i], c->rank[a][j]) + 1] += strength;
                c->cost[a][PetscMax(c->rank[a][i], c->rank[a][j]) + 1] -= strength;
            }
        }
    }
    for (int a = 0; a < 3; a++)
        for (PetscInt i = 0; i < n; i++)
            c->cost[a][i + 1] += c->cost[a][i];
}

/* The cheapest cut along an axis whose share of the work is near `share`. Returns its place. */
static PetscInt best_cut(const struct cutting *c, const struct place *order, PetscInt n, int axis,
                         double share, double *ret_cost)
{
    const double slack = 0.01; /* of the work, off the share */
    double all = 0, before = 0, nearest = INFINITY;
    PetscInt best = n / 2;

    for (PetscInt i = 0; i < n; i++)
        all += (double)c->weight[order[i].node];
    *ret_cost = INFINITY;
    for (PetscInt i = 0; i < n; i++) {
        double off = fabs(before / all - share), cost = c->cost[axis][i];

        /* beyond the slack the nearest place counts, within it the cheapest */
        if (i && (off <= slack ? cost < *ret_cost || nearest > slack : off < nearest)) {
            best = i;
            *ret_cost = cost;
            nearest = off;
        }
        before += (double)c->weight[order[i].node];
    }
    return best;
}

/* Cuts the nodes of part `first` into the parts first ... first + parts - 1. */
static PetscErrorCode cut(struct cutting *c, PetscInt first, PetscInt parts)
{
    const struct mesh *m = c->m;
    struct place *order[3];
    PetscInt n = 0, half = parts / 2, at = 0;
    double least = INFINITY;
    int axis = 0;

    PetscFunctionBeginUser;
    if (parts < 2)
        PetscFunctionReturn(0);
    for (int i = 0; i < m->n_nodes; i++)
        n += c->part[i] == first;
    PetscCall(PetscMalloc3(n, &order[0], n, &order[1], n, &order[2]));
    for (int a = 0; a < 3; a++) {
        n = 0;
        for (int i = 0; i < m->n_nodes; i++)
            if (c->part[i] == first)
                order[a][n++] = (struct place){m->xyz[3 * i + a], i};
        qsort(order[a], (size_t)n, sizeof(**order), compare_place);
        for (PetscInt i = 0; i < n; i++)
            c->rank[a][order[a][i].node] = i;
    }
    add_costs(c, first, n);
    for (int a = 0; a < 3; a++) {
        double cost;
        PetscInt here = best_cut(c, order[a], n, a, (double)half / (double)parts, &cost);

        if (cost < least) {
            least = cost;
            axis = a;
            at = here;
        }
    }
    for (PetscInt i = at; i < n; i++)
        c->part[order[axis][i].node] = first + half;
    PetscCall(PetscFree3(order[0], order[1], order[2]));
    PetscCall(cut(c, first, half));
    PetscCall(cut(c, first + half, parts - half));
    PetscFunctionReturn(0);
}

PetscErrorCode partition_new(const struct mesh *m, PetscInt parts, PetscInt *ret)
{
    struct cutting c = {.m = m, .part = ret};
    PetscInt n = m->n_nodes;

    PetscFunctionBeginUser;
    PetscCall(PetscArrayzero(ret, n));
    PetscCall(PetscMalloc4(n, &c.weight, n, &c.rank[0], n, &c.rank[1], n, &c.rank[2]));
    PetscCall(PetscCalloc4(n, &c.sum, n + 1, &c.cost[0], n + 1, &c.cost[1], n + 1, &c.cost[2]));
    weigh(&c);
    PetscCall(cut(&c, 0, parts));
    PetscCall(PetscFree4(c.weight, c.rank[0], c.rank[1], c.rank[2]));
    PetscCall(PetscFree4(c.sum, c.cost[0], c.cost[1], c.cost[2]));
    PetscFunctionReturn(0);
}
