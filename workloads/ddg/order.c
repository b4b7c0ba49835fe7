// SPDX-License-Identifier: LGPL-2.1-or-later
#include "order.h"

#include "coupling.h"

#include <petscmat.h>
#undef I

#include <math.h>

/* Which of the six edges of a tetrahedron carry a coupling; the diagonals of bricks do not. */
static unsigned coupled(const struct mesh *m, int tet)
{
    PetscInt t[4];
    struct tet_shape s;
    unsigned bits = 0;
    double sum = 0;

    for (int k = 0; k < 4; k++)
        t[k] = m->tet[4 * tet + k];
    coupling_shape(m->xyz, t, SCHEME_FE, &s);
    for (int k = 0; k < 6; k++)
        sum += fabs(s.coupling[k]);
    for (int k = 0; k < 6; k++)
        bits |= fabs(s.coupling[k]) > 1e-12 * sum ? 1U << k : 0;
    return bits;
}

/* Both directions of each coupled edge, each as often as tetrahedra have it: counted into
 * ret_ptr[node + 1] or, with `at`, written to ret_col. */
static void add_edges(const struct mesh *m, const unsigned char *bits, PetscInt *ret_ptr,
                      PetscInt *at, PetscInt *ret_col)
{
    for (int e = 0; e < m->n_tets; e++) {
        const int *t = &m->tet[4 * e];

        for (int k = 0; k < 12; k++) {
            PetscInt i = t[graph_pair[k % 6][k / 6]], j = t[graph_pair[k % 6][1 - k / 6]];

            if (!(bits[e] >> k % 6 & 1))
                continue;
            if (at)
                ret_col[at[i]++] = j;
            else
                ret_ptr[i + 1]++;
        }
    }
}

/* Neighbours of each node, ascending, as compressed rows. */
static PetscErrorCode neighbours(const struct mesh *m, PetscInt **ret_ptr, PetscInt **ret_col)
{
    PetscInt n = m->n_nodes, *ptr, *col, *at, kept = 0;
    unsigned char *bits;

    PetscFunctionBeginUser;
    PetscCall(PetscCalloc1(n + 1, &ptr));
    PetscCall(PetscMalloc1(m->n_tets, &bits));
    for (int e = 0; e < m->n_tets; e++)
        bits[e] = (unsigned char)coupled(m, e);
    add_edges(m, bits, ptr, NULL, NULL);
    for (PetscInt i = 0; i < n; i++)
        ptr[i + 1] += ptr[i];
    PetscCall(PetscMalloc2(ptr[n] + 1, &col, n + 1, &at));
    PetscCall(PetscArraycpy(at, ptr, n + 1));
    add_edges(m, bits, ptr, at, col);
    PetscCall(PetscFree(bits));
    for (PetscInt i = 0, begin = 0; i < n; i++) {
        PetscInt end = ptr[i + 1], unique = end - begin;

        PetscCall(PetscSortRemoveDupsInt(&unique, col + begin));
        PetscCall(PetscArraymove(col + kept, col + begin, unique));
        begin = end;
        ptr[i + 1] = kept += unique;
    }
    PetscCall(PetscMalloc1(kept + 1, ret_col));
    PetscCall(PetscArraycpy(*ret_col, col, kept));
    PetscCall(PetscFree2(col, at));
    *ret_ptr = ptr;
    PetscFunctionReturn(0);
}

PetscErrorCode order_new(const struct mesh *m, PetscInt *ret)
{
    PetscInt n = m->n_nodes, *ptr = NULL, *col = NULL;
    const PetscInt *order;
    PetscScalar *values;
    Mat graph;
    IS rows, cols;

    PetscFunctionBeginUser;
    PetscCall(neighbours(m, &ptr, &col));
    PetscCall(PetscCalloc1(ptr[n] + 1, &values));
    PetscCall(MatCreateSeqAIJWithArrays(PETSC_COMM_SELF, n, n, ptr, col, values, &graph));
    PetscCall(MatGetOrdering(graph, MATORDERINGRCM, &rows, &cols));
    PetscCall(ISGetIndices(rows, &order));
    PetscCall(PetscArraycpy(ret, order, n));
    PetscCall(ISRestoreIndices(rows, &order));
    PetscCall(ISDestroy(&rows));
    PetscCall(ISDestroy(&cols));
    PetscCall(MatDestroy(&graph));
    PetscCall(PetscFree(ptr));
    PetscCall(PetscFree(col));
    PetscCall(PetscFree(values));
    PetscFunctionReturn(0);
}
