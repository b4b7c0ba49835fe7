// SPDX-License-Identifier: LGPL-2.1-or-later
// Collects the couplings of all tetrahedra on their edges and prepares the rows of the matrices.
#include "graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pairs {
    PetscInt *start,
        *other; /* edges of node a are (a, other[start[a] ... start[a+1]-1]), other > a */
};

static int compare_int(const void *a, const void *b)
{
    PetscInt x = *(const PetscInt *)a, y = *(const PetscInt *)b;

    return (x > y) - (x < y);
}

static PetscErrorCode find_pairs(const struct domain *d, struct pairs *ret)
{
    PetscInt *start, *other, *at, kept = 0;

    PetscFunctionBeginUser;
    PetscCall(PetscCalloc1(d->n_local + 1, &start));
    PetscCall(PetscMalloc1(d->n_local + 1, &at));
    for (PetscInt e = 0; e < 6 * d->n_tets; e++) {
        const PetscInt *t = &d->tet[4 * (e / 6)];

        start[PetscMin(t[graph_pair[e % 6][0]], t[graph_pair[e % 6][1]]) + 1]++;
    }
    for (PetscInt i = 0; i < d->n_local; i++)
        start[i + 1] += start[i];
    PetscCall(PetscArraycpy(at, start, d->n_local + 1));
    PetscCall(PetscMalloc1(start[d->n_local] + 1, &other));
    for (PetscInt e = 0; e < 6 * d->n_tets; e++) {
        const PetscInt *t = &d->tet[4 * (e / 6)];
        PetscInt i = t[graph_pair[e % 6][0]], j = t[graph_pair[e % 6][1]];

        other[at[PetscMin(i, j)]++] = PetscMax(i, j);
    }
    for (PetscInt i = 0, begin = 0; i < d->n_local; i++) {
        PetscInt end = start[i + 1], unique = end - begin;

        PetscCall(PetscSortRemoveDupsInt(&unique, other + begin));
        PetscCall(PetscArraymove(other + kept, other + begin, unique));
        kept += unique;
        begin = end;
        start[i + 1] = kept;
    }
    PetscCall(PetscFree(at));
    ret->start = start;
    ret->other = other;
    PetscFunctionReturn(0);
}

static PetscInt find_pair(const struct pairs *pr, PetscInt i, PetscInt j)
{
    PetscInt lo = pr->start[PetscMin(i, j)], hi = pr->start[PetscMin(i, j) + 1];
    PetscInt to = PetscMax(i, j);

    while (hi - lo > 1) {
        PetscInt mid = lo + (hi - lo) / 2;

        if (pr->other[mid] <= to)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static PetscErrorCode alloc_edges(const struct domain *d, const struct pairs *pr, struct graph *g)
{
    PetscInt n = pr->start[d->n_local];

    PetscFunctionBeginUser;
    g->n_edges = n;
    PetscCall(PetscCalloc2(n, &g->eps, n, &g->dg));
    PetscCall(PetscCalloc1(n, &g->silicon));
    PetscCall(PetscMalloc1(n, &g->a));
    PetscCall(PetscMalloc1(n, &g->b));
    PetscCall(PetscMalloc1(6 * d->n_tets, &g->tet_edge));
    PetscCall(PetscCalloc2(d->n_local, &g->volume, d->n_local, &g->interface));
    for (PetscInt i = 0; i < d->n_local; i++)
        for (PetscInt k = pr->start[i]; k < pr->start[i + 1]; k++) {
            g->a[k] = i;
            g->b[k] = pr->other[k];
        }
    for (PetscInt e = 0; e < 6 * d->n_tets; e++) {
        const PetscInt *t = &d->tet[4 * (e / 6)];

        g->tet_edge[e] = find_pair(pr, t[graph_pair[e % 6][0]], t[graph_pair[e % 6][1]]);
    }
    PetscFunctionReturn(0);
}

static void add_tets(const struct domain *d, const struct params *p, const struct model *md,
                     struct graph *g)
{
    for (PetscInt t = 0; t < d->n_tets; t++) {
        struct tet_shape s;

        coupling_shape(d->xyz, &d->tet[4 * t], p->scheme, &s);
        for (int k = 0; k < 6; k++) {
            PetscInt e = g->tet_edge[6 * t + k];

            g->eps[e] += md->eps[d->region[t]] * s.coupling[k];
            if (d->region[t] == REGION_SILICON) {
                g->silicon[e] += s.coupling[k];
                g->dg[e] += coupling_tensor(&s, p->scheme, k, md->b);
            }
        }
        for (int i = 0; i < 4 && d->region[t] == REGION_SILICON; i++)
            g->volume[d->tet[4 * t + i]] += s.part[i];
    }
}

static int is_used(const struct domain *d, const struct graph *g, PetscInt e)
{
    const double *x = &d->xyz[3 * g->a[e]], *y = &d->xyz[3 * g->b[e]];
    double length = fabs(x[0] - y[0]) + fabs(x[1] - y[1]) + fabs(x[2] - y[2]);
    double c = fmax(fabs(g->eps[e]), fabs(g->silicon[e]));

    return g->a[e] < d->n_own && c > 1e-10 * length;
}

static void count_negative(const struct domain *d, struct graph *g)
{
    double all = 0, negative = 0;

    for (PetscInt e = 0; e < g->n_edges; e++) {
        double scale = fabs(g->eps[e]) + 1e-10 * fabs(g->silicon[e]);

        if (g->a[e] >= d->n_own || g->silicon[e] == 0 || fabs(g->silicon[e]) < 1e-10 * scale ||
            (g->b[e] >= d->n_own && d->global[g->a[e]] > d->global[g->b[e]]))
            continue;
        all += is_used(d, g, e);
        negative += is_used(d, g, e) && g->silicon[e] < 0;
    }
    g->silicon_edges = domain_sum(d, all);
    g->negative = domain_sum(d, negative);
}

/* Where densities differ by orders of magnitude along an edge (continuity, density gradient),
 * negative couplings are far worse than in Poisson's equation: these two may have couplings of
 * their own. */
static void choose_flow(const struct domain *d, const struct params *p, const struct model *md,
                        struct graph *g)
{
    const int asked[] = {p->scheme, SCHEME_FE, SCHEME_BOX};

    g->flow_scheme = asked[p->continuity];
    if (g->flow_scheme == p->scheme)
        count_negative(d, g);
    if (p->continuity == 0 && g->negative > 0)
        g->flow_scheme = SCHEME_BOX;
    if (g->flow_scheme == p->scheme)
        return;
    memset(g->silicon, 0, (size_t)g->n_edges * sizeof(*g->silicon));
    memset(g->dg, 0, (size_t)g->n_edges * sizeof(*g->dg));
    for (PetscInt t = 0; t < d->n_tets; t++) {
        struct tet_shape s;

        if (d->region[t] != REGION_SILICON)
            continue;
        coupling_shape(d->xyz, &d->tet[4 * t], g->flow_scheme, &s);
        for (int k = 0; k < 6; k++) {
            g->silicon[g->tet_edge[6 * t + k]] += s.coupling[k];
            g->dg[g->tet_edge[6 * t + k]] += coupling_tensor(&s, g->flow_scheme, k, md->b);
        }
    }
    count_negative(d, g);
}

/* Leaves out edges that carry nothing here, and clips negative ones where that is wanted. */
static PetscErrorCode keep_edges(const struct domain *d, const struct params *p, struct graph *g)
{
    PetscInt n = 0, *to;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc1(g->n_edges, &to));
    for (PetscInt e = 0; e < g->n_edges; e++) {
        to[e] = is_used(d, g, e) ? n : -1;
        if (to[e] < 0)
            continue;
        if (p->negative == NEGATIVE_CLIP) {
            g->eps[e] = fmax(g->eps[e], 0);
            g->silicon[e] = fmax(g->silicon[e], 0);
            g->dg[e] = fmax(g->dg[e], 0);
        }
        g->a[n] = g->a[e];
        g->b[n] = g->b[e];
        g->eps[n] = g->eps[e];
        g->silicon[n] = g->silicon[e];
        g->dg[n++] = g->dg[e];
    }
    g->n_edges = n;
    PetscCall(PetscRealloc((size_t)n * sizeof(*g->a), &g->a));
    PetscCall(PetscRealloc((size_t)n * sizeof(*g->b), &g->b));
    for (PetscInt e = 0; e < 6 * d->n_tets; e++)
        g->tet_edge[e] = to[g->tet_edge[e]];
    PetscCall(PetscFree(to));
    PetscFunctionReturn(0);
}

struct triangle {
    PetscInt node[3]; /* ascending */
    int region;
};

static int compare_face(const void *a, const void *b)
{
    return memcmp(((const struct triangle *)a)->node, ((const struct triangle *)b)->node,
                  3 * sizeof(PetscInt));
}

static PetscErrorCode interface_faces(const struct domain *d, struct triangle **ret,
                                      PetscInt *ret_n)
{
    unsigned char *touch;
    PetscInt n = 0, room = 1024;
    struct triangle *faces;

    PetscFunctionBeginUser;
    PetscCall(PetscCalloc1(d->n_local, &touch));
    PetscCall(PetscMalloc1(room, &faces));
    for (PetscInt i = 0; i < 4 * d->n_tets; i++)
        touch[d->tet[i]] |= (unsigned char)(1 << d->region[i / 4]);
    for (PetscInt i = 0; i < 4 * d->n_tets; i++) {
        const PetscInt *t = &d->tet[4 * (i / 4)];
        struct triangle f = {.region = d->region[i / 4]};
        int m = 0;

        for (int k = 0; k < 4; k++)
            if (k != i % 4 && touch[t[k]] == 3)
                f.node[m++] = t[k];
        if (m < 3)
            continue;
        qsort(f.node, 3, sizeof(PetscInt), compare_int);
        if (n == room)
            PetscCall(PetscRealloc(sizeof(*faces) * (size_t)(room *= 2), &faces));
        faces[n++] = f;
    }
    PetscCall(PetscFree(touch));
    qsort(faces, (size_t)n, sizeof(*faces), compare_face);
    *ret = faces;
    *ret_n = n;
    PetscFunctionReturn(0);
}

/* A face between silicon and oxide shows up twice, once from each side. */
static PetscErrorCode add_interface(const struct domain *d, struct graph *g)
{
    struct triangle *f = NULL;
    PetscInt n = 0;

    PetscFunctionBeginUser;
    PetscCall(interface_faces(d, &f, &n));
    for (PetscInt i = 0; i + 1 < n; i++) {
        double part[3];

        if (compare_face(&f[i], &f[i + 1]) != 0 || f[i].region == f[i + 1].region)
            continue;
        coupling_triangle(&d->xyz[3 * f[i].node[0]], &d->xyz[3 * f[i].node[1]],
                          &d->xyz[3 * f[i].node[2]], part);
        for (int k = 0; k < 3; k++)
            g->interface[f[i].node[k]] += part[k];
    }
    PetscCall(PetscFree(f));
    PetscFunctionReturn(0);
}

struct entry {
    PetscInt col, edge;
};

static int compare_entry(const void *a, const void *b)
{
    return compare_int(&((const struct entry *)a)->col, &((const struct entry *)b)->col);
}

static PetscErrorCode make_rows(const struct domain *d, struct graph *g)
{
    PetscInt *at, n;
    struct entry *entries;

    PetscFunctionBeginUser;
    PetscCall(PetscCalloc1(d->n_own + 1, &g->row));
    for (PetscInt e = 0; e < g->n_edges; e++) {
        g->row[g->a[e] + 1]++;
        if (g->b[e] < d->n_own)
            g->row[g->b[e] + 1]++;
    }
    for (PetscInt i = 0; i < d->n_own; i++)
        g->row[i + 1] += g->row[i];
    n = g->row[d->n_own];
    PetscCall(PetscMalloc4(n, &g->col, n, &g->edge, n, &g->row_eps, n, &g->row_dg));
    PetscCall(PetscMalloc2(d->n_own + 1, &at, n, &entries));
    PetscCall(PetscArraycpy(at, g->row, d->n_own + 1));
    for (PetscInt e = 0; e < g->n_edges; e++) {
        entries[at[g->a[e]]++] = (struct entry){g->b[e], e};
        if (g->b[e] < d->n_own)
            entries[at[g->b[e]]++] = (struct entry){g->a[e], e};
    }
    for (PetscInt i = 0; i < d->n_own; i++)
        qsort(entries + g->row[i], (size_t)(g->row[i + 1] - g->row[i]), sizeof(*entries),
              compare_entry);
    for (PetscInt k = 0; k < n; k++) {
        g->col[k] = entries[k].col;
        g->edge[k] = entries[k].edge;
        g->row_eps[k] = g->eps[g->edge[k]];
        g->row_dg[k] = g->dg[g->edge[k]];
    }
    PetscCall(PetscFree2(at, entries));
    PetscCall(PetscFree2(g->eps, g->dg));
    PetscFunctionReturn(0);
}

PetscErrorCode graph_new(const struct domain *d, const struct params *p, const struct model *md,
                         struct graph *ret)
{
    struct pairs pr = {NULL, NULL};

    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    PetscCall(find_pairs(d, &pr));
    PetscCall(alloc_edges(d, &pr, ret));
    PetscCall(PetscFree(pr.start));
    PetscCall(PetscFree(pr.other));
    add_tets(d, p, md, ret);
    choose_flow(d, p, md, ret);
    PetscCall(keep_edges(d, p, ret));
    PetscCall(add_interface(d, ret));
    PetscCall(make_rows(d, ret));
    PetscFunctionReturn(0);
}

PetscErrorCode graph_settle(struct graph *g)
{
    PetscFunctionBeginUser;
    PetscCall(PetscFree(g->silicon));
    PetscCall(PetscFree(g->tet_edge));
    PetscFunctionReturn(0);
}

PetscErrorCode graph_free(struct graph *g)
{
    PetscFunctionBeginUser;
    PetscCall(graph_settle(g));
    PetscCall(PetscFree(g->a));
    PetscCall(PetscFree(g->b));
    PetscCall(PetscFree2(g->volume, g->interface));
    PetscCall(PetscFree(g->row));
    PetscCall(PetscFree4(g->col, g->edge, g->row_eps, g->row_dg));
    PetscFunctionReturn(0);
}
